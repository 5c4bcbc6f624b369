"""Completions that are held up by a passing fault, a stop or a restart."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdfsluice.core.errors import (
    Overloaded,
    SessionEnded,
    StateConflict,
    StorageFailed,
    UploadIncomplete,
)
from pdfsluice.core.models.findings import StageReport
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stages import CompletionContext, CompletionStageSpec
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.uploads.holding import HoldingIntervals
from tests.support.runtimes import a_runtime, initiate, send, send_all

CHUNK = 256 * 1024
DATA = bytes(range(256)) * (3 * CHUNK // 256)


@dataclass(eq=False)
class Doorkeeper:
    """A plugin whose completion stage holds every file until ``opened`` is set."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    act: Callable[[CompletionContext], None] = lambda context: None

    @hookimpl
    def pdfsluice_register_completion_stages(
        self, context: PluginContext
    ) -> list[CompletionStageSpec]:
        """Register the stage ``door``."""
        del context
        return [CompletionStageSpec(name="door", stage=self)]

    async def inspect(self, context: CompletionContext) -> StageReport:
        """Wait, then act."""
        self.arrived.set()
        await self.opened.wait()
        self.act(context)
        return StageReport()


@dataclass(eq=False)
class Queue(Doorkeeper):
    """A plugin that notes whether two files are inspected at the same time."""

    is_busy: bool = False
    met: asyncio.Event = field(default_factory=asyncio.Event)

    async def inspect(self, context: CompletionContext) -> StageReport:
        """Give another file a moment to arrive."""
        if self.is_busy:
            self.met.set()
        self.is_busy = True
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await self.met.wait()
        self.is_busy = False
        return StageReport()


def always_open(act: Callable[[CompletionContext], None] = lambda context: None) -> Doorkeeper:
    door = Doorkeeper(act=act)
    door.opened.set()
    return door


async def whole(runtime: Runtime) -> Session:
    session = await initiate(runtime, DATA)
    await send_all(runtime, session, DATA)
    return session


async def becomes(runtime: Runtime, session: Session, state: SessionState) -> Session:
    async with asyncio.timeout(60):
        while True:
            stands = await runtime.uploads.get(LOCAL, session.id)
            if stands.state is state:
                return stands
            await asyncio.sleep(0.01)


async def test_why_a_completion_has_to_be_retried_is_reported(tmp_path: Path) -> None:
    def refuse(_context: CompletionContext) -> None:
        raise Overloaded("The virus scanner is away.", retry_after=1)

    door = always_open(refuse)
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await whole(runtime)
        await runtime.uploads.start_completion(LOCAL, session.id)
        await door.arrived.wait()
        stands = await becomes(runtime, session, SessionState.UPLOADING)
        assert (stands.failure_code, stands.failure_message) == (
            "overloaded",
            "The virus scanner is away.",
        )
        door.act = lambda _context: None
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert (done.session.failure_code, done.session.failure_message) == ("", "")


@pytest.mark.parametrize("stage_fails", [False, True])
async def test_a_cancelled_upload_is_not_reported_as_a_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, stage_fails: bool
) -> None:
    """Its file is closed under the stages; the client that completes it learns why."""

    def fail(context: CompletionContext) -> None:
        if stage_fails:
            context.path.read_bytes()

    door = Doorkeeper(act=fail)
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await whole(runtime)
        completing = asyncio.create_task(runtime.uploads.complete(LOCAL, session.id))
        await door.arrived.wait()
        await runtime.uploads.cancel(LOCAL, session.id, "changed my mind")
        door.opened.set()
        with pytest.raises(SessionEnded, match="the upload was cancelled: changed my mind"):
            await completing
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record for record in errors if record.name.endswith("completing")] == []


async def test_a_completed_upload_is_not_reported_as_cancelled(tmp_path: Path) -> None:
    """Also if the cancellation waited for the last step of the completion."""
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await whole(runtime)
        upload = await runtime.uploads._open_uploads.get(session)
        await runtime.uploads.complete(LOCAL, session.id)
        with pytest.raises(StateConflict, match="completed and cannot be cancelled"):
            await upload.cancel(SessionState.CANCELLED, SessionEnded("too late"))


async def test_a_completion_may_end_while_the_server_stops(tmp_path: Path) -> None:
    door = Doorkeeper()
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await whole(runtime)
        completing = asyncio.create_task(runtime.uploads.complete(LOCAL, session.id))
        await door.arrived.wait()
        draining = asyncio.create_task(runtime.uploads.drain(60))
        await asyncio.sleep(0)
        door.opened.set()
        assert (await completing).document
        await draining


async def test_a_waiting_completion_is_notified_that_the_server_stops(
    tmp_path: Path,
) -> None:
    door = Doorkeeper()
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await whole(runtime)
        completing = asyncio.create_task(runtime.uploads.complete(LOCAL, session.id))
        await door.arrived.wait()
        await runtime.uploads.drain(0)
        with pytest.raises(Overloaded, match="stopping"):
            await completing
    async with a_runtime(tmp_path, always_open(), chunk_size=CHUNK) as runtime:
        await becomes(runtime, session, SessionState.COMPLETED)


async def test_bytes_that_rot_while_a_file_is_validated_are_missing_again(tmp_path: Path) -> None:
    door = Doorkeeper()
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await whole(runtime)
        await runtime.uploads.start_completion(LOCAL, session.id)
        await door.arrived.wait()
    (part,) = (tmp_path / "uploads").glob("*.part")
    part.write_bytes(DATA[:CHUNK] + b"?" + DATA[CHUNK + 1 :])
    async with a_runtime(tmp_path, always_open(), chunk_size=CHUNK) as runtime:
        stands = await becomes(runtime, session, SessionState.UPLOADING)
        assert stands.missing_chunks == [1]
        with pytest.raises(UploadIncomplete):
            await runtime.uploads.complete(LOCAL, session.id)
        await send(runtime, session, DATA, 1)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_an_upload_in_trouble_does_not_keep_the_server_from_starting(
    tmp_path: Path,
) -> None:
    door = Doorkeeper()
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await whole(runtime)
        await runtime.uploads.start_completion(LOCAL, session.id)
        await door.arrived.wait()
    (part,) = (tmp_path / "uploads").glob("*.part")
    aside = part.rename(tmp_path / "aside")
    part.mkdir()  # it cannot be opened now
    often = HoldingIntervals(retry=0.02)
    async with a_runtime(tmp_path, always_open(), chunk_size=CHUNK, intervals=often) as runtime:
        other = await initiate(runtime, DATA[:CHUNK])
        await send_all(runtime, other, DATA)
        assert (await runtime.uploads.complete(LOCAL, other.id)).document
        stands = await runtime.uploads.get(LOCAL, session.id)
        assert stands.state is SessionState.VALIDATING
        part.rmdir()
        aside.rename(part)
        await becomes(runtime, session, SessionState.COMPLETED)


async def test_an_upload_whose_bytes_are_gone_before_they_are_published_fails(
    tmp_path: Path,
) -> None:
    door = always_open(lambda context: context.path.unlink())
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await whole(runtime)
        with pytest.raises(StorageFailed, match="gone"):
            await runtime.uploads.complete(LOCAL, session.id)
        stands = await runtime.uploads.get(LOCAL, session.id)
        assert (stands.state, stands.failure_code) == (SessionState.FAILED, "storage-failed")


async def test_an_import_that_the_disk_interrupts_continues_without_its_client(
    tmp_path: Path,
) -> None:
    often = HoldingIntervals(retry=0.02)
    async with a_runtime(tmp_path, chunk_size=CHUNK, intervals=often) as runtime:
        session = await whole(runtime)
        documents = tmp_path / "documents"
        aside = documents.rename(tmp_path / "aside")
        documents.touch()  # as if the disk of the documents were not mounted
        with pytest.raises(StorageFailed):
            await runtime.uploads.complete(LOCAL, session.id)
        stands = await runtime.uploads.get(LOCAL, session.id)
        assert stands.state is SessionState.IMPORTING
        documents.unlink()
        aside.rename(documents)
        await becomes(runtime, session, SessionState.COMPLETED)


async def test_completions_continue_one_after_the_other_after_a_restart(tmp_path: Path) -> None:
    door = Doorkeeper()
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        sessions = [await whole(runtime) for _ in range(3)]
        for session in sessions:
            await runtime.uploads.start_completion(LOCAL, session.id)
            await door.arrived.wait()
            door.arrived.clear()
    queue = Queue()
    async with a_runtime(tmp_path, queue, chunk_size=CHUNK) as runtime:
        for session in sessions:
            await becomes(runtime, session, SessionState.COMPLETED)
    assert not queue.met.is_set()
