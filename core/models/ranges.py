"""Sets of byte ranges: the committed and the missing bytes of an upload."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RangeSet:
    """An immutable set of byte positions, held as sorted, disjoint, half-open ranges.

    Attributes:
        ranges: ``(start, end)`` pairs; neighbours neither touch nor overlap.
    """

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> "RangeSet":
        """Build a set from ranges in any order, overlapping or not."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(ranges):
            if end <= start:
                continue
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        return cls(tuple(merged))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    @property
    def size(self) -> int:
        """How many bytes are in the set."""
        return sum(end - start for start, end in self.ranges)

    @property
    def frontier(self) -> int:
        """The end of the contiguous run that starts at offset 0."""
        return self.ranges[0][1] if self.ranges and self.ranges[0][0] == 0 else 0

    def add(self, start: int, end: int) -> "RangeSet":
        """Return the set with ``[start, end)`` added."""
        if end <= start:
            return self
        first = bisect_left(self.ranges, start, key=lambda r: r[1])
        last = bisect_right(self.ranges, end, key=lambda r: r[0])
        if first < last:
            start = min(start, self.ranges[first][0])
            end = max(end, self.ranges[last - 1][1])
        return RangeSet((*self.ranges[:first], (start, end), *self.ranges[last:]))

    def remove(self, start: int, end: int) -> "RangeSet":
        """Return the set without ``[start, end)``."""
        if end <= start or not self.ranges:
            return self
        before, after = self.overlap(0, start), self.overlap(end, max(end, self.ranges[-1][1]))
        return RangeSet((*before.ranges, *after.ranges))

    def touches(self, position: int) -> bool:
        """Return whether bytes added from ``position`` on would extend a range of the set."""
        index = bisect_right(self.ranges, position, key=lambda r: r[0]) - 1
        return index >= 0 and position <= self.ranges[index][1]

    def covers(self, start: int, end: int) -> bool:
        """Return whether every byte of ``[start, end)`` is in the set."""
        return not self.missing(start, end)

    def overlap(self, start: int, end: int) -> "RangeSet":
        """Return the part of the set that lies in ``[start, end)``."""
        first = bisect_right(self.ranges, start, key=lambda r: r[1])
        last = bisect_left(self.ranges, end, key=lambda r: r[0])
        clipped = ((max(s, start), min(e, end)) for s, e in self.ranges[first:last])
        return RangeSet(tuple((s, e) for s, e in clipped if s < e))

    def missing(self, start: int, end: int) -> "RangeSet":
        """Return the part of ``[start, end)`` that is not in the set."""
        gaps: list[tuple[int, int]] = []
        position = start
        for s, e in self.overlap(start, end):
            if position < s:
                gaps.append((position, s))
            position = e
        if position < end:
            gaps.append((position, end))
        return RangeSet(tuple(gaps))
