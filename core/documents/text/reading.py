"""Reading of page text in a limited child process, for the plugins that do it.

This is the parent's side; the child's is in ``serving.py``.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from pdfsluice.core.errors import StageFailed
from pdfsluice.core.models.documents import PageText
from pdfsluice.core.processes.child import Child, ChildFailed, Limits
from pdfsluice.core.processes.pool import ChildPool

from .serving import UNREADABLE, page_from_reply

OTHER_COPY = "Upload another copy: undamaged, without a password, or in smaller parts."

_RECYCLE_AFTER = 500  # documents; with the child goes whatever the library has leaked
"""Starting a child takes as much processor time as reading ten short files: at 50 documents, that
was a third of their import. PDFium did not grow in 3,400 pages of damaged and sound files."""
_AT_ONCE = 64  # as many as there may be jobs; the settings of jobs limit them

_IN_WORDS = {
    "timeout": "it takes too long",
    "cpu-limit": "it takes too long",
    "memory-limit": "it needs too much memory",
    "killed": "the process that read it was ended from outside",
    "crashed": "the process that read it crashed",
}

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Iteration)\b")
"""The name of a Python exception, which means nothing to the owner of a file."""


def in_words(failure: ChildFailed) -> str:
    """Return why a child failed, for the owner of the file."""
    if failure.reason == "error" and _EXCEPTION.match(failure.detail):
        return "the library that reads it came upon data that it cannot handle"
    return _IN_WORDS.get(failure.reason) or failure.detail


def reader_pool(module: str, limits: Limits) -> ChildPool:
    """Return children of a module that runs :func:`~.serving.serve_pages`.

    Args:
        module: The module's name.
        limits: Its ``wall_seconds`` are those of one page.
    """
    return ChildPool(module, limits, size=_AT_ONCE, recycle_after=_RECYCLE_AFTER)


async def pages_from_child(
    pool: ChildPool, path: Path, *, first: int
) -> AsyncGenerator[PageText, None]:
    """Yield the pages of a file, read by a child that is borrowed meanwhile.

    Pages are asked for in small batches, so that a child that is faster than the caller
    cannot fill the parent's memory with them. The next batch is read while the caller has
    one: the child never waits for a caller that is as fast.

    Args:
        pool: See :func:`reader_pool`.
        path: The file.
        first: 1-based number of the first page wanted.

    Raises:
        StageFailed: The child failed; ``details`` has the page and the reason.
    """
    async with pool.borrow() as child, aclosing(_batches(child, path, first)) as batches:
        number = first
        async for batch in batches:
            for page in batch.pages:
                yield page
            number = batch.next_page(number)
            if batch.failure is not None:
                raise StageFailed(
                    f"The text of page {number} cannot be read: {in_words(batch.failure)}.",
                    hint=OTHER_COPY,
                    details={"page": number, "reason": batch.failure.reason},
                ) from batch.failure


@dataclass(slots=True)
class _Batch:
    """Pages that arrived, and what came after them."""

    pages: list[PageText] = field(default_factory=list)
    last: bool = False
    failure: ChildFailed | None = None

    def next_page(self, first: int) -> int:
        """Return the number of the page after these, the first of which is given."""
        return self.pages[-1].number + 1 if self.pages else first


async def _batches(child: Child, path: Path, first: int) -> AsyncGenerator[_Batch, None]:
    """Yield batches up to a failure; each is read while the one before is used."""
    following = asyncio.create_task(_next_pages(child, path, first))
    try:
        while True:
            batch = await following
            if batch.last or batch.failure is not None:
                yield batch
                return
            first = batch.next_page(first)
            following = asyncio.create_task(_next_pages(child, path, first))
            yield batch
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _next_pages(child: Child, path: Path, first: int) -> _Batch:
    """Request a batch; pages that arrived before a failure count."""
    batch = _Batch()
    try:
        async with aclosing(child.request({"path": str(path), "first": first})) as replies:
            async for reply in replies:
                if UNREADABLE in reply:
                    batch.failure = ChildFailed("error", reply[UNREADABLE])
                elif "page" in reply:
                    batch.pages.append(page_from_reply(reply))
                else:
                    batch.last = True
    except ChildFailed as failure:
        batch.failure = failure
    return batch
