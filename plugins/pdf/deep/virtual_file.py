"""Files for qpdf whose bytes are computed from those of another file."""

import io
from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class VirtualFile(io.RawIOBase):
    """A readable and seekable file of a given size.

    Args:
        size: Its size in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0

    @abstractmethod
    def piece(self, start: int, size: int) -> bytes:
        """Return at most ``size`` bytes from ``start`` on; none at the end of the file."""

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read from any position."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence, self._size)
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read the next bytes."""
        view = memoryview(buffer)
        piece = self.piece(self._position, len(view))
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)
