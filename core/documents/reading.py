"""Reading of page text in a limited child process, for the plugins that do it.

The parent's side is :func:`pages_from_child`, the child's is :func:`serve_pages`; a plugin
brings the function that reads a file.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from pdfsluice.core.document_models import PageText, TextSource
from pdfsluice.core.errors import StageFailed
from pdfsluice.core.processes.child import (
    Child,
    ChildFailed,
    Limits,
    serve,
)
from pdfsluice.core.processes.pool import ChildPool

UNREADABLE = "unreadable"
"""The key of a reply that gives the reason why the reply has no pages, for people."""

OTHER_COPY = "Upload another copy: undamaged, without a password, or in smaller parts."

_RECYCLE_AFTER = 500  # documents; with the child goes whatever the library has leaked
"""Starting a child takes as much processor time as reading ten short files: at 50 documents, that
was a third of their import. PDFium did not grow in 3,400 pages of damaged and sound files."""
_AT_ONCE = 64  # as many as there may be jobs; the settings of jobs limit them
_BATCH_PAGES = 20
_BATCH_CHARACTERS = 1_000_000

_IN_WORDS = {
    "timeout": "it takes too long",
    "cpu-limit": "it takes too long",
    "memory-limit": "it needs too much memory",
    "killed": "the process that read it was ended from outside",
    "crashed": "the process that read it crashed",
}

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Iteration)\b")
"""The name of a Python exception, which means nothing to the owner of a file."""

Read = Callable[[Path, int], Iterator[PageText]]
"""Yields the pages of a file from a 1-based number on."""


class CannotRead(Exception):
    """Raised by a reader in a child; its message is displayed to people unchanged."""


def in_words(failure: ChildFailed) -> str:
    """Return why a child failed, for the owner of the file."""
    if failure.reason == "error" and _EXCEPTION.match(failure.detail):
        return "the library that reads it came upon data that it cannot handle"
    return _IN_WORDS.get(failure.reason) or failure.detail


def reader_pool(module: str, limits: Limits) -> ChildPool:
    """Return children of a module that calls :func:`serve_pages` when it is run.

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
    cannot fill the parent's memory with them.

    Args:
        pool: See :func:`reader_pool`.
        path: The file.
        first: 1-based number of the first page wanted.

    Raises:
        StageFailed: The child failed; ``details`` has the page and the reason.
    """
    number = first
    async with pool.borrow() as child:
        while True:
            batch = await _next_pages(child, path, number)
            for page in batch.pages:
                yield page
                number = page.number + 1
            if batch.failure is not None:
                raise StageFailed(
                    f"The text of page {number} cannot be read: {in_words(batch.failure)}.",
                    hint=OTHER_COPY,
                    details={"page": number, "reason": batch.failure.reason},
                ) from batch.failure
            if batch.last:
                return


@dataclass(slots=True)
class _Batch:
    """Pages that arrived, and what came after them."""

    pages: list[PageText] = field(default_factory=list)
    last: bool = False
    failure: ChildFailed | None = None


async def _next_pages(child: Child, path: Path, first: int) -> _Batch:
    """Request a batch; pages that arrived before a failure count."""
    batch = _Batch()
    try:
        async with aclosing(child.request({"path": str(path), "first": first})) as replies:
            async for reply in replies:
                if UNREADABLE in reply:
                    batch.failure = ChildFailed("error", reply[UNREADABLE])
                elif "page" in reply:
                    batch.pages.append(_from_wire(reply))
                else:
                    batch.last = True
    except ChildFailed as failure:
        batch.failure = failure
    return batch


def _to_wire(page: PageText) -> Mapping[str, Any]:
    reply: dict[str, Any] = {"page": page.number, "text": page.text}
    if page.garbled:
        reply["garbled"] = True
    if page.notes:
        reply["notes"] = page.notes
    if page.source is not TextSource.TEXT:
        reply["source"] = page.source.value
    if page.hidden:
        reply["hidden"] = page.hidden
    if page.layout:
        reply["layout"] = b64encode(page.layout).decode()
    return reply


def _from_wire(reply: Mapping[str, Any]) -> PageText:
    return PageText(
        reply["page"],
        reply["text"],
        garbled=reply.get("garbled", False),
        notes=tuple(reply.get("notes", ())),
        layout=b64decode(reply.get("layout", "")),
        hidden=reply.get("hidden", ""),
        source=TextSource(reply.get("source", TextSource.TEXT)),
    )


def serve_pages(read: Read) -> None:
    """Serve as the child: answer each request with the next few pages of a file."""
    serve(_Pages(read).answer)


class _Pages:
    """The pages of the file that is being read, from where the last request stopped."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._position: tuple[str, int] | None = None
        self._pages: Iterator[PageText] = iter(())

    def answer(self, request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        path, first = request["path"], int(request["first"])
        if self._position != (path, first):
            self._pages = self._read(Path(path), first)
        self._position = None
        count = characters = 0
        try:
            for page in self._pages:
                yield _to_wire(page)
                count += 1
                characters += len(page.text)
                if count >= _BATCH_PAGES or characters >= _BATCH_CHARACTERS:
                    self._position = (path, page.number + 1)
                    return
            yield {"complete": True}
        except CannotRead as error:
            yield {UNREADABLE: str(error)}


class MemoryWatch:
    """Reports that this process has grown enough to drop what a library has parsed.

    PDF libraries keep what they have parsed for as long as the document is open.

    Args:
        growth: Bytes by which the resident memory may grow before it is time.
    """

    def __init__(self, growth: int) -> None:
        self._process = psutil.Process()
        self._growth = growth
        self._start = self._resident()

    def _resident(self) -> int:
        return int(self._process.memory_info().rss)

    def due(self) -> bool:
        """Whether the memory has grown enough since the start or :meth:`restart`."""
        return self._resident() - self._start > self._growth

    def restart(self) -> None:
        """Count from here; called after the document was opened again."""
        self._start = self._resident()
