"""What is to be sent of a file, cut into pieces of chunks."""

from collections.abc import Iterable
from dataclasses import dataclass

from pdfsluice.core.ranges import RangeSet

Ranges = Iterable[tuple[int, int]]


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

    def left(self, missing: Ranges) -> RangeSet:
        """Return what the server lacks of it."""
        return RangeSet.of(missing).overlap(self.start, self.end)


class Todo:
    """What the server lacks and no request sends yet.

    Args:
        missing: The half-open byte ranges that the server lacks.
        chunk_size: Bytes of a chunk.
    """

    def __init__(self, missing: Ranges, *, chunk_size: int) -> None:
        self._missing = RangeSet.of(missing)
        self._chunk_size = chunk_size

    def cut(self, most: int) -> Piece | None:
        """Take the first piece, of at most so many bytes; ``None`` if nothing is left."""
        if not self._missing:
            return None
        (start, end), *later = self._missing
        chunk = start // self._chunk_size
        stop = min(end, start + most, (chunk + 1) * self._chunk_size)
        self._missing = RangeSet.of([(stop, end), *later])
        return Piece(chunk, start, stop)

    def put_back(self, ranges: Ranges) -> None:
        """Take back what did not arrive; it is cut again."""
        self._missing = RangeSet.of([*self._missing, *ranges])
