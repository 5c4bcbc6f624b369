"""The coded body of a chunk, decoded by the worker thread that writes it."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from aiohttp import web

from pdfsluice.core.errors import ProtocolError, SizeExceeded
from pdfsluice.core.models.sessions import Checksum
from pdfsluice.core.plugins.ports.stages import ChunkCheck
from pdfsluice.core.uploads.receiving import Part, Slice

from .body import BodyLimits
from .decoding import Decoder
from .reading import RawBody

_ALLOWANCE = 64 * 1024


class CodedBody:
    """A compressed body, or a delta; its parts are the decoded bytes.

    The digest of a request is that of its coded bytes (RFC 9530, 2). It is compared when the
    body has ended, so the chunk must not be committed before.

    Args:
        request: The request; no handler has read its body.
        limits: How slowly the coded bytes may arrive.
        coding: The name of its coding, for messages.
        decoder: Decodes it.
        check: Compares the coded bytes with the digest that the client announced, if it did.
        max_length: Most bytes that the body may decode to.

    Attributes:
        coded_bytes: Bytes that have arrived.
        checksum: Always ``None``: nothing is announced about the decoded bytes.
    """

    def __init__(
        self,
        request: web.Request,
        limits: BodyLimits,
        *,
        coding: str,
        decoder: Decoder,
        check: ChunkCheck | None,
        max_length: int,
    ) -> None:
        self.checksum: Checksum | None = None
        self._raw = RawBody(request, limits)
        self._coding = coding
        self._decoder = decoder
        self._check = check
        self.coded_bytes = 0
        self._max_size = max_coded_size(max_length)

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the decoded bytes as the coded ones arrive.

        Raises:
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
            ProtocolError: The body ends within the compressed data; iterating a part raises it
                for data that cannot be decoded.
            ChecksumMismatch: The coded bytes have another digest than announced.
        """
        async with aclosing(self._raw.parts(max_bytes)) as parts:
            async for part in parts:
                yield self._decoded(part)
        if not self._decoder.finished:
            raise ProtocolError(
                f"the body ends before its {self._coding} data does, after {self.coded_bytes} bytes"
            )
        if self._check is not None:
            self._check.finish(None)

    def _decoded(self, part: Part) -> Iterator[Slice]:
        """Decode a part; iterated in a worker thread."""
        for data in part:
            self.coded_bytes += len(data)
            if self.coded_bytes > self._max_size:
                raise too_large(self.coded_bytes, self._max_size)
            if self._check is not None:
                with memoryview(data) as view:
                    self._check.update(view)
            yield from self._decoder.decode(data)


def max_coded_size(length: int) -> int:
    """Return how many bytes may be sent for a chunk: little more than its length."""
    return length + length // 8 + _ALLOWANCE


def too_large(size: int, max_size: int) -> SizeExceeded:
    """Return the error for a body that its coding has made larger."""
    return SizeExceeded(
        f"the coded body has {size} bytes or more; {max_size} are allowed for this chunk",
        hint="Send the chunk as it is.",
        details={"received": size, "max_length": max_size},
    )
