"""Files for qpdf whose bytes are computed from those of another file."""

import io
import re
from abc import abstractmethod
from mmap import mmap
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
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += self._size
        self._position = offset  # qpdf moves hundreds of times in a small file
        return offset

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read the next bytes."""
        view = memoryview(buffer)
        piece = self.piece(self._position, len(view))
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


class PatchedFile(VirtualFile):
    """A file with a word replaced by another of the same length, at the same offsets.

    Args:
        content: The file.
        pattern: What is replaced; it may look one byte beyond.
        word: What stands there instead.
    """

    def __init__(self, content: bytes | mmap, pattern: re.Pattern[bytes], word: bytes) -> None:
        super().__init__(len(content))
        self._content = content
        self._pattern = pattern
        self._word = word

    def piece(self, start: int, size: int) -> bytes:
        """Return bytes with the word replaced."""
        margin = len(self._word) + 1
        before = min(start, margin)
        content = bytes(self._content[start - before : start + size + margin])
        return self._pattern.sub(self._word, content)[before : before + size]


class ExtendedFile(VirtualFile):
    """A file with something appended, without a copy of it.

    Args:
        content: The file.
        appended: What follows it.
    """

    def __init__(self, content: bytes | mmap, appended: bytes) -> None:
        super().__init__(len(content) + len(appended))
        self._content = content
        self._appended = appended

    def piece(self, start: int, size: int) -> bytes:
        """Return bytes of the content, or of what is appended to it."""
        length = len(self._content)
        if start < length:
            return self._content[start : start + size]
        return self._appended[start - length :][:size]
