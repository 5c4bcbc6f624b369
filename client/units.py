"""The units of a file: the bodies of its streams, by which versions are compared.

A unit is what stands between ``stream`` and ``endstream`` (ISO 32000-1, 7.3.8). The rules are those
of the server, which describes the version that it has in the same way.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

MIN_UNIT: Final = 512
"""Bytes of the smallest unit."""
_DIGEST_BYTES = 16
_MAX_KEYWORDS = 1_000_000
_WINDOW_BYTES = 1024 * 1024
_HASH_BYTES = 256 * 1024
_BEGIN, _END = b"stream", b"endstream"
_LINE_ENDS = b"\r\n"
_MAX_LINE_END = 4

Read = Callable[[int, int], bytes]
"""Returns the bytes from one offset to another, or fewer at the end of the file."""


def digest_of(read: Read, start: int, end: int) -> bytes:
    """Return the digest of a run of bytes."""
    if end - start <= _HASH_BYTES:
        return hashlib.sha256(read(start, end)).digest()[:_DIGEST_BYTES]
    digest = hashlib.sha256()
    while start < end:
        data = read(start, min(end, start + _HASH_BYTES))
        if not data:
            break
        digest.update(data)
        start += len(data)
    return digest.digest()[:_DIGEST_BYTES]


def find_streams(
    read: Read, size: int, *, max_keywords: int = _MAX_KEYWORDS, window: int = _WINDOW_BYTES
) -> Iterator[tuple[int, int]]:
    """Yield start and end of each body of at least 512 bytes between the two keywords.

    The end of the line after ``stream``, and those before ``endstream``, are no part of it:
    programs write different ones.
    """
    search = _Search(read, size, window)
    position = 0
    for _ in range(max_keywords):
        at = search.find(_BEGIN, position)
        if at is None:
            return
        start = position = at + len(_BEGIN)
        head = search.bytes_at(max(0, at - 3), start + 2)
        line_end = head[start - max(0, at - 3) :]
        if head.startswith(b"end") or line_end[:1] not in {b"\r", b"\n"}:
            continue
        start += 2 if line_end == _LINE_ENDS else 1
        end = search.find(_END, start)
        if end is None:
            return
        position = end + len(_END)
        tail = search.bytes_at(max(start, end - _MAX_LINE_END), end)
        end -= len(tail) - len(tail.rstrip(_LINE_ENDS))
        if end - start >= MIN_UNIT:
            yield start, end


class _Search:
    """A search of a file in windows."""

    def __init__(self, read: Read, size: int, window: int) -> None:
        self._read = read
        self._size = size
        self._window = window
        self._start = 0
        self._data = b""

    def find(self, word: bytes, position: int) -> int | None:
        """Return the offset of the next occurrence of a word, if there is one."""
        while position + len(word) <= self._size:
            end = self._start + len(self._data)
            if not self._start <= position <= end - len(word):
                self._start = position
                self._data = self._read(position, min(self._size, position + self._window))
                end = position + len(self._data)
                if len(self._data) < len(word):
                    return None
            at = self._data.find(word, position - self._start)
            if at >= 0:
                return self._start + at
            position = end - len(word) + 1
        return None

    def bytes_at(self, start: int, end: int) -> bytes:
        """Return a few bytes, from the window if they are there."""
        if self._start <= start and end - self._start <= len(self._data):
            return self._data[start - self._start : end - self._start]
        return self._read(start, min(end, self._size))
