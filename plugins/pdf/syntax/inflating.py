"""Decompresses data in pieces, and drops padding."""

import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import brotli

MAX_INFLATED: Final = 256 * 1024 * 1024
"""Bytes, padding included, that one stream may expand to."""
_INPUT: Final = 4096
_PIECE: Final = 64 * 1024
_WHITE: Final = b"\0\t\n\f\r "

Inflater = Callable[[bytes], Iterator[bytes]]
"""Yields what data expands to, in pieces of bounded size; raises ``ValueError`` if damaged."""


@dataclass(frozen=True, slots=True)
class Squeezed:
    """Decompressed data without its padding.

    Attributes:
        data: The data; each dropped run of white space is one space in it.
        problem: ``limit`` or ``damaged`` if it is not all; else empty.
        size: Bytes that were decompressed.
    """

    data: bytes
    problem: str
    size: int
    _ends: list[int]
    _removed: list[int]

    def position(self, offset: int) -> int:
        """Return where in the data a byte is that had this offset before."""
        index = bisect_right(self._ends, offset)
        return offset - (self._removed[index - 1] if index else 0)


def squeeze(data: bytes, inflate: Inflater, limit: int) -> Squeezed:
    """Decompress data in flat memory, and drop long runs of white space in it.

    Args:
        data: Compressed data.
        inflate: Decompresses it.
        limit: Bytes that may remain.
    """
    result = bytearray()
    ends: list[int] = []
    gaps: list[int] = []
    size = total = 0
    problem = ""
    try:
        for piece in inflate(data):
            size += len(piece)
            if piece.strip(_WHITE):
                result += piece
            else:
                total += len(piece) - 1
                result += b" "
                ends.append(size)
                gaps.append(total)
            if len(result) > limit or size > MAX_INFLATED:
                problem = "limit"
                break
    except ValueError:
        problem = "damaged"
    return Squeezed(bytes(result[:limit]), problem, size, ends, gaps)


def inflate_flate(data: bytes) -> Iterator[bytes]:
    """Yield decompressed Flate data (ISO 32000-2, 7.4.4), zlib header or not."""
    window_bits = zlib.MAX_WBITS
    try:
        zlib.decompressobj(window_bits).decompress(data[:64], 1)
    except zlib.error:
        window_bits = -zlib.MAX_WBITS
    inflater = zlib.decompressobj(window_bits)
    try:
        for start in range(0, len(data), _INPUT):
            waiting = data[start : start + _INPUT]
            while waiting and not inflater.eof:
                yield inflater.decompress(waiting, _PIECE)
                waiting = inflater.unconsumed_tail
        while not inflater.eof and (piece := inflater.decompress(b"", _PIECE)):
            yield piece
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflater.eof:
        raise ValueError("incomplete Flate data")


def inflate_brotli(data: bytes) -> Iterator[bytes]:
    """Yield Brotli data (RFC 7932, ISO/TS 32014) decompressed."""
    inflater = brotli.Decompressor()
    try:
        for start in range(0, len(data), _INPUT):
            yield inflater.process(data[start : start + _INPUT], output_buffer_limit=_PIECE)
            while not inflater.can_accept_more_data():
                yield inflater.process(b"", output_buffer_limit=_PIECE)
            if inflater.is_finished():
                return
    except brotli.error as error:
        raise ValueError(str(error)) from error
    raise ValueError("incomplete Brotli data")
