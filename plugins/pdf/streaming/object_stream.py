"""Decodes object streams, and the beginnings of other relevant streams."""

import re
from bisect import bisect_right
from collections.abc import Callable

from pdfsluice.plugins.pdf.syntax.effort import Effort
from pdfsluice.plugins.pdf.syntax.filters import Decoded
from pdfsluice.plugins.pdf.syntax.parser import ObjectParser, Parsed
from pdfsluice.plugins.pdf.syntax.plain import PlainPatterns
from pdfsluice.plugins.pdf.syntax.source import Source
from pdfsluice.plugins.pdf.syntax.values import Value

MAX_NUMBERS = 50_000
"""Objects kept apart in one object stream."""
_MAX_LEAD = 1024 * 1024
_WINDOW = 1024 * 1024
"""Bytes searched in one call, so that other threads get their turn."""
_MAX_NAME = 1024


class Collector:
    """A collector of one stream's data, up to a limit, passed on at its end.

    Args:
        limit: Bytes kept.
        done: Called with the data and whether that is all of it.
    """

    def __init__(self, limit: int, done: Callable[[bytes, bool], None]) -> None:
        self._limit = limit
        self._done = done
        self._data = bytearray()
        self._whole = True

    def feed(self, data: bytes) -> None:
        """Process the next bytes."""
        room = self._limit - len(self._data)
        if len(data) > room:
            self._whole = False
        if room > 0:
            self._data += data[:room]

    def close(self) -> None:
        """Hand the data on."""
        data = bytes(self._data)
        self._data.clear()
        self._done(data, self._whole)


_SPACED = bytes.maketrans(b"\0\x80\xff", b"   ")
"""White space for some readers, as white space for all."""
_LEAD = re.compile(rb"[\x00\t\n\f\r \d]*")


class ObjectStream:
    """The objects in a decoded object stream (ISO 32000-2, 7.5.7).

    Args:
        decoded: The decoded data.
        first: ``/First``, if it is there.

    ``/N`` is not asked: readers that ignore it see every pair of numbers.
    """

    def __init__(self, decoded: Decoded, first: Value) -> None:
        data = decoded.data
        lead = _LEAD.match(data)
        stop = lead.end() if lead is not None else 0
        base = first if isinstance(first, int) and first >= 0 else stop
        first = decoded.position(base)
        if first > len(data):
            base = first = stop
        lead_words = data[: min(first, _MAX_LEAD)].translate(_SPACED)
        words = lead_words.split(None, 2 * MAX_NUMBERS + 1)
        pairs = min(len(words) // 2, MAX_NUMBERS)
        numbers = [int(word) for word in words[: 2 * pairs : 2] if _is_small(word)]
        offsets = [int(word) for word in words[1 : 2 * pairs : 2] if _is_small(word)]
        self.whole = len(words) <= 2 * MAX_NUMBERS and first <= _MAX_LEAD
        self.valid = len(words) == 2 * pairs > 0 and len(numbers) == len(offsets) == pairs
        self.problem = decoded.problem
        self.numbers = numbers
        self._data = data
        starts = sorted(
            (decoded.position(base + o), n) for n, o in zip(numbers, offsets, strict=False)
        )
        self._starts = [start for start, _ in starts]
        self._at = [number for _, number in starts]
        self._first = first

    def wanted(self, numbers: set[int]) -> set[int]:
        """Return the indexes of the objects that have one of these numbers."""
        return {index for index, number in enumerate(self._at) if number in numbers}

    def interesting(self, wanted: set[int], patterns: PlainPatterns) -> list[int]:
        """Return the indexes of objects that are worth reading."""
        find = patterns.interesting_name.finditer
        indexes = self.wanted(wanted)
        for window in range(self._first, len(self._data), _WINDOW):
            stop = window + _WINDOW + _MAX_NAME
            for match in find(self._data, window, stop):
                indexes.add(bisect_right(self._starts, match.start()) - 1)
        return sorted(indexes)

    def read(self, index: int, effort: Effort, file_offset: int) -> tuple[int | None, Parsed]:
        """Return number and content of the object at an index; -1 precedes the first."""
        number, body = self.body(index)
        return number, parse(body, effort, file_offset)

    def body(self, index: int) -> tuple[int | None, bytes]:
        """Return number and source of the object at an index; -1 precedes the first."""
        start = self._starts[index] if index >= 0 else self._first
        end = self._starts[index + 1] if index + 1 < len(self._starts) else len(self._data)
        number = self._at[index] if index >= 0 else None
        return number, self._data[start:end]


def _is_small(word: bytes) -> bool:
    """Return whether a word is an integer that an object number or an offset may be."""
    return word.isdigit() and len(word) <= 10  # noqa: PLR2004 - digits


def parse(data: bytes, effort: Effort, file_offset: int) -> Parsed:
    """Parse bytes that are all there.

    Args:
        data: The bytes.
        effort: Counts what it costs.
        file_offset: Offset in the file up to which bytes have earned steps.
    """
    steps = ObjectParser(Source(data, ended=True), effort, file_offset).run()
    try:
        next(steps)
    except StopIteration as stop:
        parsed: Parsed = stop.value
        return parsed
    raise AssertionError("a source that has ended has nothing to wait for")
