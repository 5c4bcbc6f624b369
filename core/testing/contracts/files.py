"""Files to hand to parts, and what may not happen to them."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pdfsluice.core import PdfsluiceError
from pdfsluice.core.testing import make_pdf

T = TypeVar("T")

TEXTS = ("The quick brown fox jumps over it.", "", "A lazy dog sleeps here all day.")
"""The pages of the file that parts are given by default; the second one is empty."""

DAMAGED = {
    "empty": b"",
    "no-pdf": b"This is no PDF.\n" * 50,
    "header-alone": b"%PDF-1.7\n",
    "cut-off": make_pdf(TEXTS)[:300],
    "overwritten": make_pdf(TEXTS)[:200] + bytes(range(256)) * 20,
}
"""Files that are damaged in some way, by name."""

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that a part may read and nothing else.

    Attributes:
        path: The file, alone in its folder.
        content: What is in it.
    """

    path: Path
    content: bytes

    @classmethod
    def make(cls, folder: Path, content: bytes) -> "KeptFile":
        """Write a file into a new folder."""
        folder.mkdir(parents=True)
        path = folder / "file.pdf"
        path.write_bytes(content)
        return cls(path, content)

    def check(self) -> None:
        """Fail if the file was changed, moved or deleted, or its folder has another one."""
        assert [each.name for each in self.path.parent.iterdir()] == [self.path.name]
        assert self.path.read_bytes() == self.content


async def in_time(work: Coroutine[Any, Any, T]) -> T:
    """Await something that must not hang."""
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        return await work


async def cancelled_after(turns: int, work: Coroutine[Any, Any, Any]) -> None:
    """Cancel work after some turns of the event loop.

    It must end as cancelled, unless it is done before.
    """
    task = asyncio.create_task(work)
    for _ in range(turns):
        await asyncio.sleep(0)
    was_done = task.done()
    task.cancel()
    _, pending = await asyncio.wait([task], timeout=_TIMEOUT_SECONDS)
    if pending:
        pytest.fail("it did not end when it was cancelled")
    if was_done:
        with suppress(PdfsluiceError):
            task.result()
    elif not task.cancelled():
        pytest.fail("it swallowed its cancellation")
