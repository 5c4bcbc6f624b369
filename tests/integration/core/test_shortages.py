"""A passing shortage of the machine never ends an upload with stored bytes."""

import errno
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pdfsluice.core.errors import Overloaded
from pdfsluice.core.models.findings import Finding
from pdfsluice.core.models.sessions import SessionState
from pdfsluice.core.plugins.ports.stages import CompletionContext
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStage
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.plugins.local_store.blob import LocalBlob
from tests.integration.core.test_completions import CHUNK, DATA, always_open
from tests.support.runtimes import Watchman, WordStage, a_runtime, initiate, send_all

SHORTAGES: Sequence[Callable[[], Exception]] = (
    lambda: OSError(errno.EMFILE, "Too many open files"),
    lambda: OSError(errno.ENFILE, "Too many open files in system"),
    lambda: OSError(errno.ENOMEM, "Cannot allocate memory"),
    lambda: BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    MemoryError,
    lambda: RuntimeError("can't start new thread"),
)


@pytest.mark.parametrize("shortage", SHORTAGES)
async def test_a_shortage_in_a_completion_stage_keeps_the_upload(
    tmp_path: Path, shortage: Callable[[], Exception]
) -> None:
    def fail(_context: CompletionContext) -> None:
        raise shortage()

    door = always_open(fail)
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        with pytest.raises(Overloaded):
            await runtime.uploads.complete(LOCAL, session.id)
        current = await runtime.uploads.get(LOCAL, session.id)
        assert (current.state, current.failure_code) == (SessionState.UPLOADING, "overloaded")
        door.act = lambda _context: None
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("shortage", SHORTAGES)
async def test_a_shortage_in_a_stream_stage_keeps_the_upload(
    tmp_path: Path, shortage: Callable[[], Exception]
) -> None:
    class ShortOnce(WordStage):
        def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
            if failures:
                raise failures.pop()
            return super().feed(data, offset)

    class Short(Watchman):
        def _open(self, context: StageContext) -> StreamStage:
            return ShortOnce(self.word, context, self.feeds)

    failures = [shortage()]
    async with a_runtime(tmp_path, watchman=Short(), chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        try:
            done = await runtime.uploads.complete(LOCAL, session.id)
        except Overloaded:
            done = await runtime.uploads.complete(LOCAL, session.id)
        assert not failures
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("method", ["local_path", "publish"])
async def test_a_shortage_in_the_store_keeps_the_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def fail(*_args: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async with a_runtime(tmp_path, always_open(), chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        with monkeypatch.context() as patch:
            if method == "local_path":
                patch.setattr(LocalBlob, method, property(fail))
            else:
                patch.setattr(runtime.uploads._uploads, method, fail)
            with pytest.raises(Overloaded):
                await runtime.uploads.complete(LOCAL, session.id)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
