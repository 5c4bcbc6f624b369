"""The units of a file: what another version of it can be compared with.

A unit is the body of a stream: the bytes between ``stream`` and ``endstream`` (ISO 32000-1,
7.3.8). A program that saves a PDF again moves its streams, but leaves most of them as they are.
Nothing else of the syntax is read, so that any bytes whatever are a valid input: a unit that is no
stream does no harm, because copied bytes are verified by their digest.

Both clients find units by the same rules (``client/units.py``, ``client/js/src/units.js``).
"""

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

MIN_UNIT: Final = 512
"""Bytes of the smallest unit."""
DIGEST_BYTES: Final = 16
"""Length of a digest: the first bytes of the SHA-256."""
MIN_BLOCK: Final = 64 * 1024
MAX_UNITS: Final = 200_000
_MAX_BLOCKS: Final = 4096
_MAX_KEYWORDS: Final = 1_000_000
_WINDOW_BYTES: Final = 1024 * 1024
_HASH_BYTES: Final = 256 * 1024
_BEGIN, _END = b"stream", b"endstream"
_LINE_ENDS = b"\r\n"
_MAX_LINE_END = 4
_RECORD = struct.Struct(f">QQ{DIGEST_BYTES}s")

Read = Callable[[int, int], bytes]
"""Returns the bytes from one offset to another, or fewer at the end of the file."""


@dataclass(frozen=True, slots=True)
class FileUnits:
    """The units and blocks of a file, with which another version is compared.

    Attributes:
        size: Bytes of the file.
        block_size: Bytes of a block; the last one may be shorter.
        blocks: Digests of the blocks of the file, from its beginning.
        records: The bodies of its streams by ascending offset, packed: the list of a large
            document takes a fifth of the memory that objects would.
    """

    size: int
    block_size: int
    blocks: Sequence[bytes]
    records: bytes

    def units(self, first: int = 0, limit: int = MAX_UNITS) -> list[tuple[int, int, bytes]]:
        """Return offset, length and digest of some units, from a number on."""
        start, end = first * _RECORD.size, (first + limit) * _RECORD.size
        return list(_RECORD.iter_unpack(self.records[start:end]))

    def __len__(self) -> int:
        """How many units there are."""
        return len(self.records) // _RECORD.size


def read_units(
    read: Read,
    size: int,
    *,
    max_units: int = MAX_UNITS,
    max_keywords: int = _MAX_KEYWORDS,
    window: int = _WINDOW_BYTES,
) -> FileUnits:
    """Compute the blocks and the units of a file. Blocking.

    Args:
        read: Reads the file.
        size: Bytes of the file.
        max_units: Most units; what follows them has none.
        max_keywords: Most keywords that are looked at, however small the streams are.
        window: Bytes that are searched at a time.
    """
    block_size = block_size_of(size)
    blocks = [
        digest_of(read, start, min(size, start + block_size))
        for start in range(0, size, block_size)
    ]
    streams = find_streams(read, size, max_keywords=max_keywords, window=window)
    records = bytearray()
    for start, end in islice(streams, max_units):
        records += _RECORD.pack(start, end - start, digest_of(read, start, end))
    return FileUnits(size, block_size, blocks, bytes(records))


def block_size_of(size: int) -> int:
    """Return a power of 2 with which a file has 4,096 blocks at most."""
    block_size = MIN_BLOCK
    while block_size * _MAX_BLOCKS < size:
        block_size *= 2
    return block_size


def digest_of(read: Read, start: int, end: int) -> bytes:
    """Return the digest of a run of bytes."""
    if end - start <= _HASH_BYTES:
        return hashlib.sha256(read(start, end)).digest()[:DIGEST_BYTES]
    digest = hashlib.sha256()
    while start < end:
        data = read(start, min(end, start + _HASH_BYTES))
        if not data:
            break
        digest.update(data)
        start += len(data)
    return digest.digest()[:DIGEST_BYTES]


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
