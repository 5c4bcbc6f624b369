"""Decodes compressed bodies piece by piece, within fixed memory (RFC 9110, 8.4).

A decoder never returns more than 256 KiB at a time, however well its input is compressed. The
reader of the bytes stops at the length that it expects, so a small body cannot become a large one.
"""

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from pdfsluice.core.errors import ProtocolError
from pdfsluice.core.uploads.receiving import Slice

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_WINDOW_LOG: Final = 23
"""Zstandard frames may need a window of 8 MiB at most (RFC 9659, 2)."""
_MAX_FRAMES: Final = 256
_INPUT_BYTES: Final = 64 * 1024
_OUTPUT_BYTES: Final = 256 * 1024
_GZIP_WINDOW: Final = 31  # a window of 32 KiB, in the format of gzip


class Decoder(Protocol):
    """The decoder of one body. Used by one thread at a time."""

    @property
    def finished(self) -> bool:
        """Whether the input so far is complete."""
        ...

    def decode(self, data: Slice) -> Iterator[Slice]:
        """Yield what the next bytes decode to, in pieces of at most 256 KiB.

        A piece is valid until the next one is requested.

        Raises:
            ProtocolError: They are not in the coding.
        """
        ...


class _Frame(Protocol):
    """One frame of Zstandard, or one member of gzip."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def pieces(self, data: Slice) -> Iterator[bytes]: ...


class _ZstdFrame:
    def __init__(self) -> None:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
        self._decompressor = zstd.ZstdDecompressor(options=options)

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def pieces(self, data: Slice) -> Iterator[bytes]:
        rest: Slice = data
        while True:
            try:
                piece = self._decompressor.decompress(rest, max_length=_OUTPUT_BYTES)
            except zstd.ZstdError as error:
                raise ProtocolError(
                    f"the body is not valid Zstandard data: {error}",
                    hint="Compress it with a window of at most 8 MiB (RFC 9659).",
                ) from error
            rest = b""
            if piece:
                yield piece
            if self.eof or self._decompressor.needs_input:
                return


class _GzipMember:
    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def pieces(self, data: Slice) -> Iterator[bytes]:
        rest: Slice = data
        while True:
            try:
                piece = self._decompressor.decompress(rest, _OUTPUT_BYTES)
            except zlib.error as error:
                raise ProtocolError(f"the body is not valid gzip data: {error}") from error
            rest = self._decompressor.unconsumed_tail
            if piece:
                yield piece
            if self.eof or (not rest and len(piece) < _OUTPUT_BYTES):
                return


class _FrameDecoder:
    """A decoder of a few frames that follow each other; each of them costs time."""

    def __init__(self, begin: Callable[[], _Frame]) -> None:
        self._begin = begin
        self._frame = begin()
        self._frames = 1

    @property
    def finished(self) -> bool:
        return self._frame.eof

    def decode(self, data: Slice) -> Iterator[bytes]:
        with memoryview(data) as view:
            for start in range(0, len(view), _INPUT_BYTES):
                yield from self._decode(view[start : start + _INPUT_BYTES])

    def _decode(self, data: Slice) -> Iterator[bytes]:
        while len(data):
            if self._frame.eof:
                self._next_frame()
            yield from self._frame.pieces(data)
            data = self._frame.unused_data

    def _next_frame(self) -> None:
        self._frames += 1
        if self._frames > _MAX_FRAMES:
            raise ProtocolError(
                f"the compressed body has more than {_MAX_FRAMES} frames",
                hint="Compress the chunk as one frame.",
            )
        self._frame = self._begin()


DECODERS: Final[Mapping[str, Callable[[], Decoder]]] = {
    "zstd": lambda: _FrameDecoder(_ZstdFrame),
    "gzip": lambda: _FrameDecoder(_GzipMember),
}
"""What makes a decoder, by content coding."""
