"""What the stages of an upload find: refusals, releases, stages that fail."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pdfsluice.core.errors import (
    ContentRejected,
    Overloaded,
    PermissionDenied,
    StageFailed,
    StateConflict,
)
from pdfsluice.core.models.findings import Decision, Finding
from pdfsluice.core.models.sessions import (
    Principal,
    Scope,
    Session,
    SessionState,
)
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStage
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.uploads.limits.upload_limits import UploadLimits
from tests.support.runtimes import (
    Bytes,
    Watchman,
    WordStage,
    a_runtime,
    initiate,
    send,
    send_all,
)
from tests.support.waiting import until

CHUNK = 256 * 1024
DATA = random.Random(1).randbytes(4 * CHUNK + 12_345)


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

        async def removed() -> object:
            return not (await runtime.uploads.stats()).store.partial_count

        await until(removed)


async def test_a_refusal_overtakes_a_completion_that_has_begun(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, b"FORBIDDEN")
        upload = await runtime.uploads._open_uploads.get(session)
        await send(runtime, session, b"FORBIDDEN", 0)
        await until(lambda: upload.session.state is SessionState.REJECTED, interval=0)
        with pytest.raises(ContentRejected):  # as when both wait for the same lock
            await runtime.uploads._open_uploads._completer.complete(upload)


async def test_a_quarantined_upload_can_be_released(tmp_path: Path) -> None:
    bad = b"FORBIDDEN" + DATA
    watchman = Watchman(keeps=True)
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, bad)
        await send(runtime, session, bad, 0)

        async def ended() -> object:
            return (await runtime.uploads.get(LOCAL, session.id)).state is SessionState.REJECTED

        await until(ended)
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

            async def quarantined() -> object:
                return (await runtime.uploads.get(LOCAL, session.id)).quarantined

            await until(quarantined)
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

        async def ended() -> object:
            return (await runtime.uploads.get(LOCAL, session.id)).state is SessionState.FAILED

        await until(ended)
        failed = await runtime.uploads.get(LOCAL, session.id)
        assert failed.failure_code == StageFailed.code
        assert "word" in failed.failure_message
        other = await initiate(runtime, DATA, check_duplicates=False)
        assert other.id != session.id, "the server goes on"


async def test_checks_continue_after_a_fault_that_passes(
    tmp_path: Path,
) -> None:
    """The upload need not be completed, and what was seen before is seen again."""

    class Shaky(Watchman):
        faults = 3

        def _open(self, context: StageContext) -> StreamStage:
            if Shaky.faults and self.feeds:
                Shaky.faults -= 1
                raise Overloaded("Not now.", retry_after=1)
            return super()._open(context)

    watchman = Shaky()
    bad = DATA[: 2 * CHUNK] + b"FORBIDDEN" + DATA[2 * CHUNK :]
    limits = UploadLimits(first_pause_seconds=0.01)
    async with a_runtime(
        tmp_path, watchman=watchman, upload_limits=limits, chunk_size=CHUNK
    ) as runtime:
        session = await initiate(runtime, bad)
        await send(runtime, session, bad, 0)
        async with asyncio.timeout(60):
            await until(lambda: watchman.feeds)
        await runtime.uploads._open_uploads.drop(session.id)
        for chunk_id in (1, 2):
            await send(runtime, session, bad, chunk_id)
        async with asyncio.timeout(60):

            async def ended() -> object:
                return (await runtime.uploads.get(LOCAL, session.id)).state == SessionState.REJECTED

            await until(ended)
    assert not Shaky.faults
