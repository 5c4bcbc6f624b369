"""Reading of page text in a child process: the side of the child.

A plugin brings the function that reads a file. The side of the parent is ``reading.py``.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pdfsluice.core.models.documents import PageText, TextSource
from pdfsluice.core.processes.child_main import serve
from pdfsluice.core.processes.own_memory import resident_bytes

UNREADABLE = "unreadable"
"""The key of a reply that gives the reason why the reply has no pages, for people."""

_BATCH_CHARACTERS = 1_000_000

Read = Callable[[Path, Iterator[int]], Iterator[PageText]]
"""Yields the pages of a file that have the given numbers, from 1, and ends after its last page.

A number is taken when the page before it was used: it may follow that or lie further on.
"""


class CannotRead(Exception):
    """Raised by a reader in a child; its message is displayed to people unchanged."""


def serve_pages(read: Read) -> None:
    """Serve as the child: answer each request with the next few pages of a file."""
    serve(_Pages(read).answer)


class _Pages:
    """The pages of the file that is being read."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._path = ""
        self._number = 1
        self._pages: Iterator[PageText] = iter(())

    def answer(self, request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        path, first, count = request["path"], int(request["first"]), int(request["count"])
        if self._path != path:
            self._pages = self._read(Path(path), self._numbers())
        self._path, self._number = "", first
        characters = 0
        try:
            while self._number < first + count and characters < _BATCH_CHARACTERS:
                page = next(self._pages, None)
                if page is None:
                    yield {"complete": True}
                    return
                yield page_to_reply(page)
                characters += len(page.text)
            self._path = path
        except CannotRead as error:
            yield {UNREADABLE: str(error)}

    def _numbers(self) -> Iterator[int]:
        """Yield the number of the page that is read next, as often as there is one."""
        while True:
            self._number += 1
            yield self._number - 1


class MemoryWatch:
    """A watch for growth that calls for dropping what a library has parsed.

    PDF libraries keep what they have parsed for as long as the document is open.

    Args:
        growth: Bytes by which the resident memory may grow before it is time.
        measure: Returns the resident memory of this process, in bytes.
    """

    def __init__(self, growth: int, measure: Callable[[], int] = resident_bytes) -> None:
        self._growth = growth
        self._measure = measure
        self._start = measure()

    def due(self) -> bool:
        """Return whether the memory has grown enough since the start or :meth:`restart`."""
        return self._measure() - self._start > self._growth

    def restart(self) -> None:
        """Count from here; called after the document was opened again."""
        self._start = self._measure()


def page_to_reply(page: PageText) -> Mapping[str, Any]:
    """Return a page as the child sends it."""
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


def page_from_reply(reply: Mapping[str, Any]) -> PageText:
    """Return the page of a reply."""
    return PageText(
        reply["page"],
        reply["text"],
        garbled=reply.get("garbled", False),
        notes=tuple(reply.get("notes", ())),
        layout=b64decode(reply.get("layout", "")),
        hidden=reply.get("hidden", ""),
        source=TextSource(reply.get("source", TextSource.TEXT)),
    )
