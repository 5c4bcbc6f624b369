"""Reading of page text in limited child processes, for the plugins that do it.

This is the parent's side; the child's is in ``serving.py``.
"""

import asyncio
import os
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

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
_STRETCH = 20
"""Pages that one child reads in a row."""
_PAGES_ALONE = 100
"""Pages after which a second child reads along: it takes longer to start than to read fewer."""

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


class PageReader:
    """A reader of page text, in children of a module that calls ``serve_pages``.

    Pages are requested a stretch at a time, so that a child that is faster than the caller
    cannot fill the parent's memory with them. The next stretch is read while the caller has
    one: no child waits for a caller that is as fast. A second child reads along in long
    documents, if a processor is free of such children.

    Args:
        module: The module's name.
        limits: Its ``wall_seconds`` are those of one page.
        children: How many may read one document: 2, or 1 if each would read the whole file
            before the first page.
        processors: How many children find a free processor; by default, as many as the
            machine has.
    """

    def __init__(
        self, module: str, limits: Limits, *, children: int = 2, processors: int | None = None
    ) -> None:
        self._pool = ChildPool(module, limits, size=_AT_ONCE, recycle_after=_RECYCLE_AFTER)
        self._children = children
        self._processors = processors or os.cpu_count() or 1
        self._busy = 0

    async def pages(self, path: Path, *, first: int = 1) -> AsyncGenerator[PageText, None]:
        """Yield the pages of a file, in their order.

        Args:
            path: The file.
            first: 1-based number of the first page wanted.

        Raises:
            StageFailed: A child failed; ``details`` has the page and the reason.
        """
        count = 0
        async with AsyncExitStack() as children, _ReadAhead(path, first) as ahead:
            ahead.add(await children.enter_async_context(self._borrowed()))
            async with aclosing(ahead.stretches()) as stretches:
                async for pages in stretches:
                    for page in pages:
                        yield page
                    count += len(pages)
                    if count >= _PAGES_ALONE and self._has_room_beside(ahead):
                        ahead.add(await children.enter_async_context(self._borrowed()))

    def _has_room_beside(self, ahead: "_ReadAhead") -> bool:
        return ahead.children < self._children and self._busy < self._processors

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Child]:
        self._busy += 1
        try:
            async with self._pool.borrow() as child:
                yield child
        finally:
            self._busy -= 1

    async def warm_up(self) -> None:
        """Start a child process if there is none."""
        await self._pool.warm_up()

    async def close(self) -> None:
        """End the child processes."""
        await self._pool.close()


@dataclass(slots=True)
class _Batch:
    """Pages that arrived, and what came after them."""

    pages: list[PageText] = field(default_factory=list)
    last: bool = False
    failure: ChildFailed | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Pages that a child was asked for."""

    child: Child
    numbers: range
    batch: asyncio.Task[_Batch]

    def rest(self, batch: _Batch) -> range:
        """Return the numbers of the pages that the batch does not have."""
        return range(
            batch.pages[-1].number + 1 if batch.pages else self.numbers.start, self.numbers.stop
        )


class _ReadAhead:
    """What children read of a file while the pages before it are used."""

    def __init__(self, path: Path, first: int) -> None:
        self._path = path
        self._next = first
        self._stretches: deque[_Stretch] = deque()
        self.children = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for children that look for pages after the last; end them after an error."""
        tasks = [stretch.batch for stretch in self._stretches]
        if error is not None:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def add(self, child: Child) -> None:
        """Let a child read from the first page on that no other reads."""
        self.children += 1
        self._go_on(child)

    async def stretches(self) -> AsyncGenerator[list[PageText], None]:
        """Yield the pages, those of a stretch together.

        Raises:
            StageFailed: A child failed.
        """
        while True:
            stretch = self._stretches[0]
            batch = await stretch.batch
            self._stretches.popleft()
            rest = stretch.rest(batch)
            if batch.failure is not None:
                yield batch.pages
                raise _failed(rest.start, batch.failure) from batch.failure
            if batch.last:
                yield batch.pages
                return
            if rest:
                self._stretches.appendleft(self._ask(stretch.child, rest))
            else:
                self._go_on(stretch.child)
            yield batch.pages

    def _go_on(self, child: Child) -> None:
        numbers = range(self._next, self._next + _STRETCH)
        self._next = numbers.stop
        self._stretches.append(self._ask(child, numbers))

    def _ask(self, child: Child, numbers: range) -> _Stretch:
        return _Stretch(child, numbers, asyncio.create_task(_read(child, self._path, numbers)))


def _failed(page: int, failure: ChildFailed) -> StageFailed:
    return StageFailed(
        f"The text of page {page} cannot be read: {in_words(failure)}.",
        hint=OTHER_COPY,
        details={"page": page, "reason": failure.reason},
    )


async def _read(child: Child, path: Path, numbers: range) -> _Batch:
    """Request pages; those that arrive before a failure count."""
    batch = _Batch()
    request = {"path": str(path), "first": numbers.start, "count": len(numbers)}
    try:
        async with aclosing(child.request(request)) as replies:
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
