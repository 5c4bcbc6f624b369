"""Uploads through the service, over real stores."""

import asyncio
import hashlib
import random
from datetime import timedelta
from pathlib import Path

import pytest

from pdfsluice.core.errors import (
    BodyIncomplete,
    ChecksumMismatch,
    DigestMismatch,
    DuplicateDocument,
    OffsetConflict,
    PermissionDenied,
    Preempted,
    ProtocolError,
    SessionEnded,
    SessionExpired,
    SessionNotFound,
    SizeExceeded,
    UploadIncomplete,
)
from pdfsluice.core.models.sessions import (
    Checksum,
    ChunkIntent,
    Principal,
    Scope,
    SessionState,
)
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.uploads.creating import Initiation
from tests.support.databases import age_sessions
from tests.support.runtimes import (
    Bytes,
    Watchman,
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
    """A change of its state may be waiting for the request that sends them."""
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        upload = runtime.uploads._open_uploads.peek(session.id)
        assert upload is not None

        async def change() -> None:
            async with asyncio.timeout(10):
                await send(runtime, session, DATA, 0)

        await upload.as_unit(change)
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


async def test_a_broken_chunk_whose_checksum_would_have_followed_is_dropped(tmp_path: Path) -> None:
    """Unverified bytes are not committed, so the right ones are accepted afterwards."""
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        intent = ChunkIntent(offset=0, length=CHUNK, max_length=CHUNK, checksum_follows=True)
        broken = Bytes(b"?" * 200_000, failure=BodyIncomplete("broke off"))
        with pytest.raises(BodyIncomplete):
            await runtime.uploads.receive(LOCAL, session.id, intent, broken)
        assert not (await runtime.uploads.get(LOCAL, session.id)).committed
        right = Bytes(DATA[:CHUNK])
        right.checksum = Checksum("sha256", hashlib.sha256(DATA[:CHUNK]).digest())
        receipt = await runtime.uploads.receive(LOCAL, session.id, intent, right)
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


async def test_only_callers_that_may_upload_settle_a_deferred_length(tmp_path: Path) -> None:
    reader = Principal(id=LOCAL.id, name="reader", scopes=frozenset({Scope.READ}))
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, total_size=None)
        with pytest.raises(PermissionDenied):
            await runtime.uploads.set_total_size(reader, session.id, 1)
        assert (await runtime.uploads.get(LOCAL, session.id)).total_size is None
