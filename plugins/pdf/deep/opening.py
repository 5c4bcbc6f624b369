"""Opens files with qpdf so that it skips none of their objects.

qpdf takes a number above a third of the file's size for impossible, and drops the object: an
object takes three bytes at least. But numbers may have gaps, and other readers take them all.
So qpdf receives such a file with padding, as if it were large enough for any number. It drops
the last object of a file as well if nothing follows it; the padding does.
"""

import io
from collections.abc import Sequence
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO, Final

import pikepdf
from pikepdf import Pdf

from .virtual_file import VirtualFile
from .walk import Opener

Source = Path | bytes

HIGHEST_NUMBER: Final = 8_388_607
"""The highest object number (ISO 32000-1, annex C)."""
_BYTES_FOR_NUMBER: Final = 3
_ANY_NUMBER_BYTES: Final = _BYTES_FOR_NUMBER * (HIGHEST_NUMBER + 1)
"""A file of this size may hold any number."""
_BUFFER: Final = 64 * 1024
_DROPPED: Final = ("impossibly large id", "EOF after endobj")
"""Messages about such objects: with a high number, or at the very end of the file."""
_STARTXREF_WITHIN: Final = 1054
"""Bytes at the end in which qpdf looks for the offset of the cross-reference table."""


def openers(source: Source) -> Sequence[Opener]:
    """Return the ways to open a file: first the fast one, then the complete one.

    The first is enough unless what it opens :func:`drops` objects.
    """
    padded = partial(_open_padded, source)
    if _size(source) < _ANY_NUMBER_BYTES and _needs_padding(source):
        return [padded]
    return [partial(_open_plainly, source), padded]


def drops(warnings: Sequence[str]) -> bool:
    """Return whether qpdf has dropped objects that other readers take."""
    return any(message in warning for warning in warnings for message in _DROPPED)


class PaddedFile(VirtualFile):
    """A file with virtual padding before its cross-reference table.

    Args:
        content: The file.
    """

    def __init__(self, content: bytes | mmap) -> None:
        startxref = content.rfind(b"startxref", max(0, len(content) - _STARTXREF_WITHIN))
        self._content = content
        self._tail = (b"\n" + content[startxref:] if startxref >= 0 else b"") + b"\n%"
        self._tail_at = max(len(content), _ANY_NUMBER_BYTES)
        super().__init__(self._tail_at + len(self._tail))

    def piece(self, start: int, size: int) -> bytes:
        """Return bytes from one part of the file: its content, the padding or the tail."""
        if start < len(self._content):
            return self._content[start : start + size]
        if start < self._tail_at:
            return b"x" * min(size, self._tail_at - start)
        return self._tail[start - self._tail_at :][:size]


def _needs_padding(source: Source) -> bool:
    """Return whether an undamaged table lists a number that qpdf would drop."""
    try:
        with _open_padded(source, attempt_recovery=False) as pdf:
            highest = max((number for number, _ in pdf.get_xref_table()), default=0)
    except pikepdf.PikepdfError:
        return False
    return highest * _BYTES_FOR_NUMBER > _size(source)


def _open_plainly(source: Source) -> Pdf:
    """Open a file with the empty user password."""
    if isinstance(source, bytes):
        return _open(io.BytesIO(source))
    try:
        str(source).encode()
    except UnicodeEncodeError:  # qpdf knows names in UTF-8 only
        return _open_padded(source)
    return _open(source)


def _open_padded(source: Source, *, attempt_recovery: bool = True) -> Pdf:
    """Open a file, or at least its table, with padding."""
    file = io.BufferedReader(PaddedFile(content_of(source)), _BUFFER)
    return _open(file, attempt_recovery=attempt_recovery)


def open_stream(file: io.RawIOBase) -> Pdf:
    """Open a file through an object that presents its bytes."""
    file.seek(0)
    return _open(io.BufferedReader(file, _BUFFER))


def _open(file: Path | BinaryIO, *, attempt_recovery: bool = True) -> Pdf:
    return Pdf.open(
        file,
        suppress_warnings=True,
        attempt_recovery=attempt_recovery,
        inherit_page_attributes=False,
    )


def _size(source: Source) -> int:
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def content_of(source: Source) -> bytes | mmap:
    """Return the bytes of a file, mapped rather than read."""
    if isinstance(source, bytes) or not _size(source):
        return source if isinstance(source, bytes) else b""
    with source.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)
