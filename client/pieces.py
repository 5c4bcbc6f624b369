"""What is to be sent of a file: pieces of chunks, each going on to the end of its chunk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

Ranges = Iterable[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk from its first missing byte on.

    Attributes:
        chunk: Number of the chunk.
        start: Offset of the first missing byte in the file.
        end: Offset behind the chunk's last byte.
    """

    chunk: int
    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes there are to send."""
        return self.end - self.start

    def left(self, missing: Ranges) -> "Piece | None":
        """Return what is left of the piece; ``None`` if nothing of it is missing any more."""
        starts = [max(s, self.start) for s, e in missing if s < self.end and self.start < e]
        return replace(self, start=min(starts)) if starts else None


def pieces(missing: Ranges, *, chunk_size: int, total: int) -> Iterator[Piece]:
    """Yield the pieces to send, one for each chunk that is not whole, in order.

    Args:
        missing: The half-open byte ranges that the server lacks, ascending.
        chunk_size: Bytes of a chunk.
        total: Bytes of the file.
    """
    sent_to = 0
    for start, end in missing:
        position = max(start, sent_to)
        while position < end:
            chunk = position // chunk_size
            sent_to = min((chunk + 1) * chunk_size, total)
            yield Piece(chunk, position, sent_to)
            position = sent_to
