"""Reading the text of pages in a limited child process, for the plugins that do it.

The parent's side is :func:`pages_from_child`, the child's is :func:`serve_pages`; a plugin
brings the function that reads a file.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from .child import Child, ChildFailed, serve
from .childpool import ChildPool
from .errors import StageFailed
from .models import PageText

MAX_PAGE_CHARACTERS = 1_000_000
"""Text of a page beyond this many characters is cut off: no honest page has so many."""

RECYCLE_AFTER = 50
"""Documents after which a child is replaced, with whatever the library has leaked."""

_BATCH = 20

Read = Callable[[Path, int], Iterator[PageText]]
"""Yields the pages of a file from a 1-based number on."""


async def pages_from_child(
    pool: ChildPool, path: Path, *, first: int, seconds: float
) -> AsyncGenerator[PageText, None]:
    """Yield the pages of a file, read by a child that is borrowed for as long as that takes.

    Pages are asked for in small batches, so that a child that is faster than whoever takes
    the pages cannot fill the parent's memory with them.

    Args:
        pool: Children of a module that calls :func:`serve_pages` when it is run; the
            ``wall_seconds`` of their limits are those of one page.
        path: The file.
        first: 1-based number of the first page wanted.
        seconds: Time that the child may take for all pages together.

    Raises:
        StageFailed: The child failed; ``details`` has the page and the reason.
    """
    number = first
    clock = asyncio.get_running_loop().time
    async with pool.borrow() as child:
        failure: ChildFailed | None = None
        while failure is None:
            begin = clock()
            batch, failure = await _next_pages(child, path, number)
            seconds -= clock() - begin
            for page in batch:
                yield page
                number = page.number + 1
            if failure is None and len(batch) < _BATCH:
                return
            if failure is None and seconds < 0:
                failure = ChildFailed("timeout", "the document takes too long")
        raise StageFailed(
            f"The text of page {number} could not be read: {failure}",
            hint="The file may be damaged, protected by a password or too demanding.",
            details={"page": number, "reason": failure.reason},
        ) from failure


async def _next_pages(
    child: Child, path: Path, first: int
) -> tuple[list[PageText], ChildFailed | None]:
    """Ask for a batch; what came before a failure counts."""
    pages: list[PageText] = []
    request = {"path": str(path), "first": first, "count": _BATCH}
    try:
        async with aclosing(child.request(request)) as replies:
            async for reply in replies:
                pages.append(PageText(reply["page"], reply["text"]))  # noqa: PERF401 - see above
    except ChildFailed as failure:
        return pages, failure
    return pages, None


def serve_pages(read: Read) -> None:
    """Be the child: answer each request with the next few pages of a file."""
    position: tuple[str, int] | None = None
    pages: Iterator[PageText] = iter(())

    def handle(request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        nonlocal position, pages
        path, number, count = request["path"], int(request["first"]), int(request["count"])
        if position != (path, number):
            pages = read(Path(path), number)
        position = None
        for page in islice(pages, count):
            yield {"page": page.number, "text": clean_text(page.text)}
            number = page.number + 1
        position = (path, number)

    serve(handle)


_UNWANTED = dict.fromkeys([*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0xFEFF, 0xFFFE, 0xFFFF])


def clean_text(text: str) -> str:
    """Make the text of a page fit for any store: whole, bounded, of printable characters.

    Lines end with a line feed alone; words that a soft hyphen broke over two lines are
    joined; lone surrogates become U+FFFD; controls and non-characters vanish. Cleaning
    twice changes nothing more.
    """
    text = text[:MAX_PAGE_CHARACTERS].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for hyphen in ("\x02", "\u00ad", "\ufffe"):  # the first and last are PDFium's marks for one
        text = text.replace(f"{hyphen}\n", "")
    return text.translate(_UNWANTED)


class MemoryWatch:
    """Says when this process has grown enough that a document should be opened anew.

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
        """Whether the memory has grown so much since the start or the last :meth:`restart`."""
        return self._resident() - self._start > self._growth

    def restart(self) -> None:
        """Count anew from here; called when the document has been opened anew."""
        self._start = self._resident()
