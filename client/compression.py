"""Compresses pieces of a file, if that makes an upload faster."""

import asyncio
import hashlib
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .open_file import OpenFile

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAX_SHARE = 0.95
_MAX_PIECE_BYTES = 16 * 1024 * 1024
_READ_BYTES = 256 * 1024
_SLICE_BYTES = 256 * 1024
_ZSTD_LEVEL = 3
_GZIP_LEVEL, _GZIP_WINDOW = 6, 31


class _Coder(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


_CODERS: Mapping[str, Callable[[], _Coder]] = {
    "zstd": lambda: zstd.ZstdCompressor(level=_ZSTD_LEVEL),
    "gzip": lambda: zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW),
}


@dataclass(frozen=True, slots=True)
class Coded:
    """A piece as it is sent.

    Attributes:
        coding: Its content coding, or the media type of a delta.
        data: The coded bytes.
    """

    coding: str
    data: bytes

    @property
    def size(self) -> int:
        """How many bytes are sent."""
        return len(self.data)

    async def sha256(self) -> bytes:
        """Return the digest of the coded bytes."""
        return await asyncio.to_thread(lambda: hashlib.sha256(self.data).digest())

    async def slices(self) -> AsyncIterator[bytes]:
        """Yield the coded bytes."""
        for start in range(0, len(self.data), _SLICE_BYTES):
            yield self.data[start : start + _SLICE_BYTES]


class Gain:
    """The decision whether to try the next piece.

    The JavaScript client keeps to the same rule.
    A try costs the time that compressing takes, and saves the time that the link would need
    for the bytes that it removes. A piece is tried if

    - nothing has been tried or sent yet, or
    - the link is so slow that a try costs at most 2 % of the time that sending takes, or
    - the recent tries have saved more than twice the time that they cost.

    Each piece that is not tried makes the next try a little more likely, so that a file whose
    first half is pictures is compressed in its second half.
    """

    _NEGLIGIBLE = 0.02
    _MARGIN = 2.0
    _MEMORY = 0.25
    _FORGETTING = 0.01

    def __init__(self) -> None:
        self._saved_share = 1.0
        self._seconds_per_byte: float | None = None
        self._link_rate: float | None = None

    def worth_a_try(self) -> bool:
        """Return whether the next piece is to be tried; counts a piece that is not."""
        if self._seconds_per_byte is None or self._link_rate is None:
            return True
        cost = self._seconds_per_byte * self._link_rate  # as a share of the time to send
        if cost <= self._NEGLIGIBLE or cost * self._MARGIN < self._saved_share:
            return True
        self._saved_share = min(1.0, self._saved_share + self._FORGETTING)
        return False

    def tried(self, before: int, after: int, seconds: float) -> None:
        """Note what compressing a piece has given."""
        share = 1 - min(after, before) / before
        self._saved_share += self._MEMORY * (share - self._saved_share)
        self._seconds_per_byte = _mean(self._seconds_per_byte, seconds / before, self._MEMORY)

    def delivered(self, size: int, side_by_side: int, seconds: float) -> None:
        """Record how many seconds the link needed for the bytes of a piece as sent.

        Args:
            size: The bytes.
            side_by_side: How many pieces were being sent at the same time.
            seconds: How long it took.
        """
        rate = size * side_by_side / max(seconds, 1e-6)
        self._link_rate = _mean(self._link_rate, rate, self._MEMORY)


class Compressor:
    """The compression of the pieces of one file.

    Args:
        source: The file.
        codings: What the server accepts, preferred ones first; empty for none.
    """

    def __init__(self, source: OpenFile, codings: Sequence[str]) -> None:
        self._source = source
        self._coding = next((coding for coding in codings if coding in _CODERS), "")
        self._gain = Gain()

    async def compress(self, start: int, end: int) -> Coded | None:
        """Return a piece compressed to less than 95 % of its size, or ``None``.

        ``None`` means that it is to be sent as it is: compressing takes too long for this link,
        or does not make the piece smaller.

        Raises:
            FileChanged: The file has become shorter.
        """
        if not self._coding or end - start > _MAX_PIECE_BYTES or not self._gain.worth_a_try():
            return None
        began = time.monotonic()
        coded = await asyncio.to_thread(self._compress, self._coding, start, end)
        size = end - start
        self._gain.tried(size, coded.size if coded else size, time.monotonic() - began)
        return coded

    def refused(self) -> None:
        """Compress nothing more: a server or a proxy does not accept it."""
        self._coding = ""

    def delivered(self, size: int, side_by_side: int, seconds: float) -> None:
        """Note that a piece was acknowledged, and how many bytes were sent for it."""
        self._gain.delivered(size, side_by_side, seconds)

    def _compress(self, coding: str, start: int, end: int) -> Coded | None:
        """Compress a piece; stop as soon as it does not become small enough."""
        limit = int((end - start) * _MAX_SHARE)
        coder, coded, position = _CODERS[coding](), bytearray(), start
        while position < end and len(coded) < limit:
            data = self._source.read(position, min(end, position + _READ_BYTES))
            position += len(data)
            coded += coder.compress(data)
        coded += coder.flush()
        return Coded(coding, bytes(coded)) if position == end and len(coded) < limit else None


def _mean(before: float | None, value: float, weight: float) -> float:
    return value if before is None else before + weight * (value - before)
