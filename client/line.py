"""How much is sent at once: what the line carries in a few seconds."""

from dataclasses import dataclass

FIRST = 1024 * 1024
LEAST = 256 * 1024
_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is under way at once.

    Attributes:
        size: Bytes of all pieces together.
        pieces: How many there are.
        piece: Bytes that each of them has at most.
    """

    size: int
    pieces: int
    piece: int


class Line:
    """Knows what the line to the server carries, from how long pieces take.

    What breaks off in the middle of a piece is lost, because a piece has one checksum. So a
    piece is only as large as arrives within a few seconds. The rule, for all our clients:

    - The load, which is all that is under way at once, begins with 1 MiB.
    - A piece that was acknowledged after ``t`` seconds shows what the line carries. The load
      becomes what it carries in 4 seconds, but at most twice and at least half of the load
      with which the piece was sent.
    - A piece that failed halves the load with which it was sent.
    - The load is shared out among as many pieces as get 1 MiB each (a chunk, where chunks are
      smaller), at least one and at most as many as are wanted side by side.
    - A piece has at least 256 KiB and at most a chunk, and never goes beyond its chunk.

    Args:
        chunk_size: Bytes of a chunk of the session.
        parallel: How many pieces may be under way at once.
    """

    def __init__(self, *, chunk_size: int, parallel: int) -> None:
        self._chunk_size = chunk_size
        self._parallel = parallel
        self.load = self._shared_out(FIRST)

    def delivered(self, load: Load, size: int, seconds: float) -> None:
        """Note how long a piece took; ``load`` is the one with which it was sent."""
        carried = size * load.pieces * _SECONDS / max(seconds, 1e-6)
        self.load = self._shared_out(min(max(carried, load.size / 2), load.size * 2))

    def failed(self, load: Load) -> None:
        """Note that a piece did not arrive."""
        self.load = self._shared_out(load.size / 2)

    def _shared_out(self, wanted: float) -> Load:
        chunk = self._chunk_size
        size = int(min(max(wanted, min(LEAST, chunk)), chunk * self._parallel))
        pieces = max(1, min(self._parallel, size // min(FIRST, chunk)))
        return Load(size, pieces, min(chunk, size // pieces))
