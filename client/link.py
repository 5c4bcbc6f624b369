"""How much is in flight at a time: what the link carries in a few seconds."""

from dataclasses import dataclass

_FIRST_BYTES = 1024 * 1024
_MIN_PIECE_BYTES = 256 * 1024
_CARRIED_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Load:
    """How much is in flight.

    Attributes:
        size: Bytes of all pieces together.
        pieces: How many there are.
        piece: Bytes that each of them has at most.
    """

    size: int
    pieces: int
    piece: int


class Link:
    """An estimate of what the link to the server carries, from the times of pieces.

    A piece with a checksum is kept whole or not at all, so all of it is lost if the connection
    breaks in the middle. A piece therefore is only as large as arrives within a few seconds. The
    JavaScript client follows the same rules:

    - It begins with one piece of 1 MiB.
    - A piece that was acknowledged shows what the link carries. What is in flight at a time is to
      be what it carries in 4 seconds, at most twice as much as when that piece was sent.
    - A piece that failed halves what was under way when it was sent.
    - A piece has at least 256 KiB and at most a chunk, and never goes beyond its chunk. Shorter
      ones measure the round trip rather than the link, and are not counted.
    - On a slow link fewer are under way side by side: as many as have 1 MiB each (or a chunk, if
      chunks are smaller), at least one.

    Args:
        chunk_size: Bytes of a chunk of the session.
        parallel: The most pieces in flight at a time.
    """

    def __init__(self, *, chunk_size: int, parallel: int) -> None:
        self._chunk_size = chunk_size
        self._parallel = parallel
        self._min_piece = min(_MIN_PIECE_BYTES, chunk_size)
        self.load = self._shared_out(_FIRST_BYTES)

    def delivered(self, load: Load, size: int, seconds: float) -> None:
        """Note how long a piece took; ``load`` is the one with which it was sent."""
        if size >= self._min_piece:
            carried = size * load.pieces * _CARRIED_SECONDS / max(seconds, 1e-6)
            self.load = self._shared_out(min(carried, load.size * 2))

    def failed(self, load: Load) -> None:
        """Note that a piece did not arrive."""
        self.load = self._shared_out(load.size / 2)

    def _shared_out(self, target: float) -> Load:
        chunk = self._chunk_size
        size = int(min(max(target, self._min_piece), chunk * self._parallel))
        pieces = max(1, min(self._parallel, size // min(_FIRST_BYTES, chunk)))
        return Load(size, pieces, min(chunk, size // pieces))
