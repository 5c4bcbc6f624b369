"""Documents as bases of new versions, whose readers may leave at any moment."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pdfsluice.core.documents.bases import BaseFile
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.waiting import until

DATA = b"%PDF-1.7 a short file"


async def test_a_reader_that_leaves_while_a_base_is_opened_leaves_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun, may_continue = BaseFile.opened, threading.Event(), threading.Event()

    def open_slowly(path: Path, size: int) -> BaseFile:
        begun.set()
        may_continue.wait(10)
        return real(path, size)

    monkeypatch.setattr(BaseFile, "opened", open_slowly)
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        document = (await runtime.uploads.complete(LOCAL, session.id)).document
        version = replace(session, replaces=document.id)

        async def read() -> None:
            async with runtime.bases.opened(LOCAL, version):
                raise AssertionError("it has left")

        reading = asyncio.create_task(read())
        await until(begun.is_set)
        reading.cancel()
        await asyncio.sleep(0)
        may_continue.set()
        await asyncio.gather(reading, return_exceptions=True)
        assert reading.cancelled()
        await asyncio.to_thread(lambda: None)
        assert not open_files(tmp_path / "documents")


def open_files(folder: Path) -> list[str]:
    """Return the files of a folder that this process has open."""
    paths = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            paths.append(str(descriptor.readlink()))
    return [path for path in paths if path.startswith(str(folder))]
