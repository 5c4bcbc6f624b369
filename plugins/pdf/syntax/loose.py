"""Dictionaries outside of objects."""

import re
from typing import Final

from .effort import FAST_BYTES, OBJECT, Effort
from .grammar import STREAM_WORD
from .observer import Observer, Sink
from .parser import ObjectParser
from .plain import plain_patterns
from .search import NEAR, Finder
from .source import Source
from .values import Dictionary

WINDOW: Final = 64 * 1024
"""Bytes, from the beginning of a dictionary, that are looked into at a time."""
_OPENS: Final = b"<<"
_BLANKS: Final = b"\0\t\n\f\r <"
_BEGIN: Final = re.compile(rb"<<[\x00\t\n\f\r ]{0,256}+[/%<]")
_IN_VIEW: Final = 260
"""Bytes that must be in view to know whether a dictionary begins."""


class GapReader:
    """A reader of the bytes between two objects that reports their dictionaries.

    Readers that repair a file may take such a dictionary for an object. One is looked at if it
    holds an interesting name; all others cost next to nothing.

    Args:
        observer: Receives the dictionaries.
        find: Finds the next ``<<``.
        effort: Counts what it costs.
    """

    def __init__(self, observer: Observer, find: Finder, effort: Effort) -> None:
        self._observer = observer
        self._find = find
        self._effort = effort
        self._window = bytearray()
        self._start = 0

    def pass_to(self, source: Source, stop: int) -> None:
        """Move the source to an index of its data, over bytes of the gap."""
        while source.pos < stop:
            if not self._window:
                begin = self._begin(source.data, source.pos, stop)
                source.pos = begin
                self._start = source.base + begin
            end = min(stop, source.pos + WINDOW - len(self._window))
            self._window += source.data[source.pos : end]
            source.pos = end
            self._drop_false_start()
            if len(self._window) == WINDOW:
                self.finish()

    def open(self, offset: int, data: bytes = b"") -> None:
        """Begin in the middle of a dictionary, whose end its object lacks.

        Readers that pass over the end of the object read on in it.
        """
        self._window = bytearray(_OPENS + data)
        self._start = offset - len(_OPENS)

    def finish(self) -> None:
        """Search the passed bytes."""
        data, self._window = bytes(self._window), bytearray()
        if not data.strip(_BLANKS):
            return
        self._effort.spend(len(data) // FAST_BYTES)
        patterns = plain_patterns(self._observer.familiar)
        if patterns.interesting_name.search(data) is None:
            return
        source = Source(data, base=self._start, ended=True)
        while (begin := _BEGIN.search(data, source.pos)) is not None:
            self._effort.spend(OBJECT)
            if self._effort.exhausted(self._start):
                self._observer.skipped(self._start, self._start + len(data))
                return
            source.pos = begin.start()
            self._read(source)
            source.pos = max(source.pos, begin.start() + len(_OPENS))

    def _read(self, source: Source) -> None:
        offset = source.offset
        steps = ObjectParser(source, self._effort, offset, single=True).run()
        try:
            next(steps)
        except StopIteration as stop:
            if isinstance(stop.value.value, Dictionary):
                self._observer.loose(stop.value.value, offset)

    def _begin(self, data: bytes, start: int, stop: int) -> int:
        """Return where a dictionary begins, or may begin at the end of what is in view."""
        while (start := self._next(data, start, stop)) >= 0:
            if stop - start < _IN_VIEW or _BEGIN.match(data, start, stop) is not None:
                return start
            start += 1
        return stop - 1 if data[stop - 1 : stop] == b"<" else stop

    def _next(self, data: bytes, start: int, stop: int) -> int:
        """Return where the next ``<<`` is; -1 if there is none before ``stop``."""
        if stop - start <= NEAR:  # what lies after ``stop`` would be searched again and again
            return data.find(_OPENS, start, stop)
        position = self._find(data, start)
        return position if position + len(_OPENS) <= stop else -1

    def _drop_false_start(self) -> None:
        """Forget bytes in which no dictionary begins, now that more of them are in view."""
        while self._window and _BEGIN.match(self._window) is None:
            partial = bytes(self._window[: len(_OPENS)]) in (b"<", _OPENS)
            if partial and len(self._window) < _IN_VIEW:
                return
            position = self._begin(bytes(self._window), 1, len(self._window))
            self._start += position
            del self._window[:position]


class OpenBody:
    """A sink for the data of a stream that begins in the middle of a dictionary.

    Args:
        gaps: Searches the beginning of the data.
        offset: Where the data begins.
        sink: Wants the data as well.
    """

    def __init__(self, gaps: GapReader, offset: int, sink: Sink | None) -> None:
        self._gaps = gaps
        self._offset = offset
        self._sink = sink
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """See the next bytes of the data."""
        self._data += data[: WINDOW - len(self._data)]
        if self._sink is not None:
            self._sink.feed(data)

    def close(self) -> None:
        """Search the data as if it belonged to the dictionary."""
        if self._sink is not None:
            self._sink.close()
        data = STREAM_WORD.sub(b" ", self._data)  # words that readers pass over, too
        self._gaps.open(self._offset, data[data.find(b"/") :] if b"/" in data else b"")
        self._gaps.finish()
