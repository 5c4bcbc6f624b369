"""Uploads through the service, over real stores: chunks, restarts, refusals, completion."""

import asyncio
import hashlib
import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pdfsluice.core import activation, follower, service
from pdfsluice.core.errors import (
    BodyIncomplete,
    ChecksumMismatch,
    ContentRejected,
    DigestMismatch,
    DuplicateDocument,
    OffsetConflict,
    Overloaded,
    PermissionDenied,
    Preempted,
    ProtocolError,
    SessionEnded,
    SessionExpired,
    SessionNotFound,
    SizeExceeded,
    StageFailed,
    StateConflict,
    UploadIncomplete,
)
from pdfsluice.core.findings import Decision, Finding
from pdfsluice.core.initiation import Initiation
from pdfsluice.core.models import (
    Checksum,
    ChunkIntent,
    Extent,
    Principal,
    Scope,
    Session,
    SessionState,
)
from pdfsluice.core.runtime import LOCAL
from pdfsluice.core.stages import StageContext, StreamStage
from pdfsluice.core.stores import Blob
from tests.support.databases import age_sessions
from tests.support.runtimes import (
    Bytes,
    Watchman,
    WordStage,
    a_runtime,
    initiate,
    send,
    send_all,
)

CHUNK = 256 * 1024


def some_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


DATA = some_bytes(4 * CHUNK + 12_345)


async def test_a_file_goes_in_and_comes_out_unchanged(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, title="A title")
        await send_all(runtime, session, DATA)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
        assert (done.document.title, done.document.file_size) == ("A title", len(DATA))
        _, opened = await runtime.library.open_file(LOCAL, done.document.id)
        async with opened as path:
            assert path.read_bytes() == DATA
        again = await runtime.uploads.complete(LOCAL, session.id)
        assert again.document.id == done.document.id
        assert (await runtime.library.list(LOCAL))[1] == 1


async def test_bytes_are_committed_whatever_else_is_done_with_the_upload(tmp_path: Path) -> None:
    """Who changes its state may be waiting for the request that sends them."""
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        upload = runtime.uploads._active.peek(session.id)
        assert upload is not None
        async with upload.lock, asyncio.timeout(10):
            await send(runtime, session, DATA, 0)
        stands = await runtime.uploads.get(LOCAL, session.id)
        assert (stands.state, stands.committed.size) == (SessionState.UPLOADING, CHUNK)


async def test_chunks_come_in_parallel_and_in_any_order(tmp_path: Path) -> None:
    watchman = Watchman()
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        order = [3, 1, 4, 0, 2]
        await asyncio.gather(*(send(runtime, session, DATA, chunk) for chunk in order))
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
    offsets = [offset for offset, _ in watchman.feeds]
    assert offsets == sorted(offsets), "a stream stage must see the file in order"
    assert sum(size for _, size in watchman.feeds) == len(DATA)


async def test_completing_too_early_names_what_is_missing(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 1)
        with pytest.raises(UploadIncomplete) as caught:
            await runtime.uploads.complete(LOCAL, session.id)
        assert caught.value.details["missing_chunks"] == [0, 2, 3, 4]
        for chunk in (0, 2, 3, 4):
            await send(runtime, session, DATA, chunk)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document.id


async def test_the_same_chunk_again_is_harmless_and_another_is_refused(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 1)
        same = await send(runtime, session, DATA, 1)
        assert same.committed.size == CHUNK
        other = Bytes(DATA[CHUNK : 2 * CHUNK - 1] + b"?")
        with pytest.raises(OffsetConflict) as caught:
            await send(runtime, session, DATA, 1, other)
        assert CHUNK <= caught.value.details["offset"] < 2 * CHUNK
        await send_all(runtime, session, DATA)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_a_broken_chunk_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        broken = Bytes(DATA[:CHUNK], fails_after=100_000, failure=BodyIncomplete("broke off"))
        with pytest.raises(BodyIncomplete):
            await send(runtime, session, DATA, 0, broken)
        stands = await runtime.uploads.get(LOCAL, session.id)
        assert stands.committed.ranges == ((0, 100_000),)
        await send_all(runtime, session, DATA)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_a_broken_chunk_with_a_checksum_is_dropped(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        piece = DATA[:CHUNK]
        digest = hashlib.sha256(piece).digest()
        intent = ChunkIntent(
            offset=0, length=CHUNK, max_length=CHUNK, checksum=Checksum("sha256", digest)
        )
        broken = Bytes(piece, fails_after=100_000, failure=BodyIncomplete("broke off"))
        with pytest.raises(BodyIncomplete):
            await runtime.uploads.receive(LOCAL, session.id, intent, broken)
        assert not (await runtime.uploads.get(LOCAL, session.id)).committed
        wrong = Bytes(piece[:-1] + b"!")
        with pytest.raises(ChecksumMismatch):
            await runtime.uploads.receive(LOCAL, session.id, intent, wrong)
        assert not (await runtime.uploads.get(LOCAL, session.id)).committed
        receipt = await runtime.uploads.receive(LOCAL, session.id, intent, Bytes(piece))
        assert receipt.session.committed.ranges == ((0, CHUNK),)


async def test_wrong_sizes_leave_nothing_behind(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        with pytest.raises(SizeExceeded):
            await send(runtime, session, DATA, 0, Bytes(DATA[: CHUNK + 1]))
        with pytest.raises(ProtocolError):
            await send(runtime, session, DATA, 0, Bytes(DATA[: CHUNK - 1]))
        beyond = ChunkIntent(offset=len(DATA) - 1, length=2, max_length=2)
        with pytest.raises(SizeExceeded):
            await runtime.uploads.receive(LOCAL, session.id, beyond, Bytes(b"ab"))
        outside = ChunkIntent(offset=len(DATA) + 1, length=1, max_length=1)
        with pytest.raises(OffsetConflict):
            await runtime.uploads.receive(LOCAL, session.id, outside, Bytes(b"a"))
        assert not (await runtime.uploads.get(LOCAL, session.id)).committed


async def test_a_newer_request_takes_over_from_one_that_hangs(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        hanging = Bytes(DATA[:CHUNK], holds_after=100_000)
        older = asyncio.create_task(send(runtime, session, DATA, 0, hanging))
        await hanging.held.wait()
        elsewhere = await send(runtime, session, DATA, 2)
        assert not older.done(), "a request for other bytes must not disturb it"
        assert elsewhere.committed.ranges == ((2 * CHUNK, 3 * CHUNK),)
        newer = await send(runtime, session, DATA, 0)
        assert newer.committed.covers(0, CHUNK)
        with pytest.raises(Preempted):
            await older


async def test_a_refusal_reaches_the_sender_while_the_file_arrives(tmp_path: Path) -> None:
    bad = DATA[: CHUNK - 3] + b"FORBIDDEN" + DATA[CHUNK + 6 :]
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, bad)
        hanging = Bytes(bad[3 * CHUNK : 4 * CHUNK], holds_after=50_000)
        under_way = asyncio.create_task(send(runtime, session, bad, 3, hanging))
        await hanging.held.wait()
        await send(runtime, session, bad, 0)
        await send(runtime, session, bad, 1)
        with pytest.raises(ContentRejected) as caught:
            await under_way
        (finding,) = caught.value.details["findings"]
        assert (finding["kind"], finding["offset"]) == ("word", CHUNK - 3)
        with pytest.raises(ContentRejected):
            await send(runtime, session, bad, 2)
        stands = await runtime.uploads.get(LOCAL, session.id)
        assert (stands.state, stands.decision) == (SessionState.REJECTED, Decision.REJECT)
        while (await runtime.uploads.stats()).store.partial_count:
            await asyncio.sleep(0)


async def test_a_refusal_overtakes_a_completion_that_has_begun(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, b"FORBIDDEN")
        upload = await runtime.uploads._active.get(session)
        await send(runtime, session, b"FORBIDDEN", 0)
        while upload.session.state is not SessionState.REJECTED:
            await asyncio.sleep(0)
        with pytest.raises(ContentRejected):  # as when both wait for the same lock
            await runtime.uploads._completions._completer.complete(upload)


async def test_a_quarantined_upload_can_be_released(tmp_path: Path) -> None:
    bad = b"FORBIDDEN" + DATA
    watchman = Watchman(keeps=True)
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, bad)
        await send(runtime, session, bad, 0)
        while (await runtime.uploads.get(LOCAL, session.id)).state is not SessionState.REJECTED:
            await asyncio.sleep(0)
        released = await runtime.uploads.release(LOCAL, session.id)
        assert (released.state, released.released) == (SessionState.UPLOADING, True)
        await send_all(runtime, session, bad)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.decision is Decision.FLAG
        assert [finding.kind for finding in done.document.findings] == ["word"]


@pytest.mark.parametrize("later", ["word", "worse"])
async def test_a_release_overrules_what_was_found_and_nothing_else(
    tmp_path: Path, later: str
) -> None:
    """The owner has still to send most of the file, and may know that it was released."""

    class Words(WordStage):
        def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
            found = super().feed(data, offset)
            return [replace(each, kind=later) if (each.offset or 0) > 9 else each for each in found]

    class Strict(Watchman):
        def _open(self, context: StageContext) -> StreamStage:
            return Words(self.word, context, self.feeds)

        def decide(self, finding: Finding, session: Session) -> Decision:
            del finding, session
            return Decision.QUARANTINE

    bad = b"FORBIDDEN" + DATA[9:] + b"FORBIDDEN"
    async with a_runtime(tmp_path, watchman=Strict(), chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, bad)
        await send(runtime, session, bad, 0)
        async with asyncio.timeout(60):
            while not (await runtime.uploads.get(LOCAL, session.id)).quarantined:
                await asyncio.sleep(0.01)
        await runtime.uploads.release(LOCAL, session.id)
        await send_all(runtime, session, bad)
        if later == "word":
            done = await runtime.uploads.complete(LOCAL, session.id)
            assert done.document.decision is Decision.FLAG
        else:
            with pytest.raises(ContentRejected):
                await runtime.uploads.complete(LOCAL, session.id)


async def test_only_an_administrator_releases(tmp_path: Path) -> None:
    uploader = Principal(id="u", name="u", scopes=frozenset({Scope.UPLOAD}))
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        with pytest.raises(StateConflict):
            await runtime.uploads.release(LOCAL, session.id)
        with pytest.raises(PermissionDenied):
            await runtime.uploads.release(uploader, session.id)


async def test_sessions_belong_to_their_principal(tmp_path: Path) -> None:
    other = Principal(id="other", name="other", scopes=frozenset({Scope.UPLOAD, Scope.READ}))
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        for attempt in (
            runtime.uploads.get(other, session.id),
            runtime.uploads.resume(other, session.id, "x"),
            runtime.uploads.cancel(other, session.id),
            runtime.uploads.complete(other, session.id),
        ):
            with pytest.raises(SessionNotFound):
                await attempt
        assert await runtime.uploads.resumable(other) == []
        assert [s.id for s in await runtime.uploads.resumable(LOCAL)] == [session.id]


async def test_the_announced_digest_must_be_met(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, expected_digest="0" * 64)
        await send_all(runtime, session, DATA)
        with pytest.raises(DigestMismatch):
            await runtime.uploads.complete(LOCAL, session.id)
        with pytest.raises(SessionEnded):
            await runtime.uploads.complete(LOCAL, session.id)
        assert (await runtime.library.list(LOCAL))[1] == 0


async def test_duplicates_are_recognised_before_and_after_the_upload(tmp_path: Path) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        first = await initiate(runtime, DATA, expected_digest=digest)
        await send_all(runtime, first, DATA)
        document = (await runtime.uploads.complete(LOCAL, first.id)).document
        with pytest.raises(DuplicateDocument) as caught:
            await initiate(runtime, DATA, expected_digest=digest)
        assert caught.value.details["document_id"] == document.id
        second = await initiate(runtime, DATA)
        await send_all(runtime, second, DATA)
        done = await runtime.uploads.complete(LOCAL, second.id)
        assert (done.duplicate, done.document.id) == (True, document.id)
        third = await initiate(runtime, DATA, check_duplicates=False)
        await send_all(runtime, third, DATA)
        assert (await runtime.uploads.complete(LOCAL, third.id)).document.id != document.id


async def test_cancelling_frees_the_bytes_and_stops_the_sender(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        hanging = Bytes(DATA[:CHUNK], holds_after=50_000)
        sender = asyncio.create_task(send(runtime, session, DATA, 0, hanging))
        await hanging.held.wait()
        cancelled = await runtime.uploads.cancel(LOCAL, session.id, "changed my mind")
        assert cancelled.state is SessionState.CANCELLED
        with pytest.raises(SessionEnded):
            await sender
        with pytest.raises(SessionEnded):
            await send(runtime, session, DATA, 0)
        assert (await runtime.uploads.stats()).store.partial_count == 0
        again = await runtime.uploads.cancel(LOCAL, session.id)
        assert again.state is SessionState.CANCELLED


async def test_idle_sessions_expire_and_completed_ones_stay(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        done = await initiate(runtime, DATA)
        await send_all(runtime, done, DATA)
        document = (await runtime.uploads.complete(LOCAL, done.id)).document
        idle = await initiate(runtime, DATA, check_duplicates=False)
        await send(runtime, idle, DATA, 0)
    age_sessions(tmp_path / "state", timedelta(days=1))
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        with pytest.raises(SessionExpired):
            await send(runtime, idle, DATA, 1)
        assert await runtime.sweeper.sweep() == 1
        with pytest.raises(SessionExpired):
            await runtime.uploads.get(LOCAL, idle.id)
        assert (await runtime.uploads.stats()).store.partial_count == 0
        _, opened = await runtime.library.open_file(LOCAL, document.id)
        async with opened as path:
            assert path.read_bytes() == DATA


async def test_a_failing_stage_fails_the_upload_by_name(tmp_path: Path) -> None:
    class Saboteur(WordStage):
        def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
            raise RuntimeError("sabotage")

        def close(self) -> None:
            raise RuntimeError("sabotage to the end")

    class Sabotage(Watchman):
        def _open(self, context: StageContext) -> StreamStage:
            return Saboteur(b"word", context, self.feeds)

    async with a_runtime(tmp_path, watchman=Sabotage(), chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
        while (await runtime.uploads.get(LOCAL, session.id)).state is not SessionState.FAILED:
            await asyncio.sleep(0)
        failed = await runtime.uploads.get(LOCAL, session.id)
        assert failed.failure_code == StageFailed.code
        assert "word" in failed.failure_message
        other = await initiate(runtime, DATA, check_duplicates=False)
        assert other.id != session.id, "the server goes on"


async def test_parts_become_one_upload(tmp_path: Path) -> None:
    pieces = [DATA[:300_000], DATA[300_000:700_000], DATA[700_000:]]
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        parts = [await initiate(runtime, piece, partial=True) for piece in pieces]
        for part, piece in zip(parts, pieces, strict=True):
            await send_all(runtime, part, piece)
        whole = await runtime.uploads.concatenate(
            LOCAL,
            Initiation(filename="whole.pdf", total_size=None),
            [part.id for part in parts],
        )
        assert whole.committed.ranges == ((0, len(DATA)),)
        done = await runtime.uploads.complete(LOCAL, whole.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
        part = await runtime.uploads.get(LOCAL, parts[0].id)
        assert (part.state, part.failure_code) == (SessionState.CANCELLED, "concatenated")


async def test_only_who_may_upload_settles_a_deferred_length(tmp_path: Path) -> None:
    reader = Principal(id=LOCAL.id, name="reader", scopes=frozenset({Scope.READ}))
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, total_size=None)
        with pytest.raises(PermissionDenied):
            await runtime.uploads.set_total_size(reader, session.id, 1)
        assert (await runtime.uploads.get(LOCAL, session.id)).total_size is None


async def test_a_request_that_the_server_stops_may_be_sent_again(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        body = Bytes(DATA[:CHUNK], holds_after=100_000)
        sending = asyncio.create_task(send(runtime, session, DATA, 0, body))
        await body.held.wait()
        await runtime.uploads.drain(0)
        with pytest.raises(Overloaded, match="stopping"):
            await sending


async def test_an_upload_is_not_scattered_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_MOST_RANGES", 2)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        for chunk_id in (0, 2):
            await send(runtime, session, DATA, chunk_id)
        with pytest.raises(OffsetConflict, match="2 places") as caught:
            await send(runtime, session, DATA, 4)
        assert caught.value.details["offset"] == CHUNK
        for chunk_id in (1, 3, 4):
            await send(runtime, session, DATA, chunk_id)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_an_upload_is_read_back_once_however_many_resume_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    hold = threading.Event()

    def slowly(blob: Blob, extents: Sequence[Extent]) -> list[Extent]:
        compared.append(blob)
        hold.wait()
        return rotten(blob, extents)

    rotten = activation._rotten
    monkeypatch.setattr(activation, "_rotten", slowly)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
        resuming = [
            asyncio.create_task(runtime.uploads.resume(LOCAL, session.id, "")) for _ in range(6)
        ]
        async with asyncio.timeout(60):
            while not compared:
                await asyncio.sleep(0.01)
        resuming.pop().cancel()
        hold.set()
        assert all([(await each).missing_chunks == [1, 2, 3, 4] for each in resuming])
    assert len(compared) == 1


async def test_checks_go_on_behind_a_fault_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to complete the upload for that, and what was seen before is seen again."""
    monkeypatch.setattr(follower, "_FIRST_PAUSE", 0.01)

    class Shaky(Watchman):
        faults = 3

        def _open(self, context: StageContext) -> StreamStage:
            if Shaky.faults and self.feeds:
                Shaky.faults -= 1
                raise Overloaded("Not now.", retry_after=1)
            return super()._open(context)

    watchman = Shaky()
    bad = DATA[: 2 * CHUNK] + b"FORBIDDEN" + DATA[2 * CHUNK :]
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, bad)
        await send(runtime, session, bad, 0)
        async with asyncio.timeout(60):
            while not watchman.feeds:
                await asyncio.sleep(0.01)
        await runtime.uploads._active.drop(session.id)
        for chunk_id in (1, 2):
            await send(runtime, session, bad, chunk_id)
        async with asyncio.timeout(60):
            while (await runtime.uploads.get(LOCAL, session.id)).state != SessionState.REJECTED:
                await asyncio.sleep(0.01)
    assert not Shaky.faults
