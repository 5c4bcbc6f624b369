"""What is to be sent of a file, cut into pieces of chunks."""

from collections.abc import Iterable
from dataclasses import dataclass

Ranges = Iterable[tuple[int, int]]
"""Half-open byte ranges."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one request carries: a part of a chunk, or all of it.

    Attributes:
        chunk: Number of the chunk.
        start: Offset of the first byte in the file.
        end: Offset after the last byte.
    """

    chunk: int
    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes there are to send."""
        return self.end - self.start

    def rest(self, missing: Ranges) -> list[tuple[int, int]]:
        """Return what the server lacks of it."""
        overlaps = ((max(start, self.start), min(end, self.end)) for start, end in missing)
        return [(start, end) for start, end in overlaps if start < end]


class Todo:
    """What the server lacks and no request sends yet.

    Args:
        missing: What the server lacks.
        chunk_size: Bytes of a chunk.
    """

    def __init__(self, missing: Ranges, *, chunk_size: int) -> None:
        self._missing = _union(missing)
        self._chunk_size = chunk_size

    def cut(self, max_bytes: int) -> Piece | None:
        """Take the first piece, at most ``max_bytes`` long; ``None`` if nothing is left."""
        if not self._missing:
            return None
        (start, end), *later = self._missing
        chunk = start // self._chunk_size
        stop = min(end, start + max_bytes, (chunk + 1) * self._chunk_size)
        self._missing = [(stop, end), *later] if stop < end else later
        return Piece(chunk, start, stop)

    def put_back(self, ranges: Ranges) -> None:
        """Take back what did not arrive; it is cut again."""
        self._missing = _union([*self._missing, *ranges])


def _union(ranges: Ranges) -> list[tuple[int, int]]:
    """Return the same bytes in sorted ranges that neither touch nor overlap."""
    union: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if union and start <= union[-1][1]:
            union[-1] = union[-1][0], max(union[-1][1], end)
        elif start < end:
            union.append((start, end))
    return union
