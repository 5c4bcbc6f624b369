"""Files in whole or in ranges, with validators (RFC 9110, sections 13 and 14)."""

import asyncio
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from aiohttp import hdrs, web

from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.uploads.limits.pacing import Paced

from .framing import combined

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII | re.IGNORECASE)
_MAX_SLICE_BYTES = 16 * 1024 * 1024
_ETAG = re.compile(r'(W/)?"([^"]*)"|(\*)')


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A file and how to present it.

    Attributes:
        source: The file, or its bytes; ``None`` for an answer that needs none of them.
        content_type: Its media type.
        etag: A name of its content, without quotes.
        headers: Further headers.
        size: The size in bytes that the file must have; ``None`` for any.
    """

    source: Path | bytes | None
    content_type: str
    etag: str
    headers: Mapping[str, str]
    size: int | None = None

    async def send(self, request: web.Request, pace: Paced | None = None) -> web.StreamResponse:
        """Answer ``GET`` or ``HEAD``, conditional or for one range.

        Args:
            request: The request.
            pace: How fast the bytes are sent; as fast as the client takes them if not given.

        Raises:
            StorageFailed: The file does not have the size that it must have.
        """
        if self.source is None:
            return await self._send(request, None, self.size or 0, pace)
        if isinstance(self.source, bytes):
            return await self._send(request, io.BytesIO(self.source), len(self.source), pace)
        file = await asyncio.to_thread(self.source.open, "rb")
        try:
            size = (await asyncio.to_thread(os.fstat, file.fileno())).st_size
            if self.size not in {None, size}:
                raise StorageFailed(f"The file has {size} bytes instead of {self.size}.")
            return await self._send(request, file, size, pace)
        finally:
            await asyncio.to_thread(file.close)

    def needs_bytes(self, request: web.Request) -> bool:
        """Return whether the answer has bytes of the file, unless a precondition fails."""
        return request.method != hdrs.METH_HEAD and not self._unchanged(request)

    def resumes(self, request: web.Request) -> bool:
        """Return whether the client continues a download from this server (13.1.5)."""
        return request.headers.get(hdrs.IF_RANGE, "").strip() == f'"{self.etag}"'

    def check(self, request: web.Request) -> None:
        """Compare the file with ``If-Match``.

        Raises:
            web.HTTPPreconditionFailed: The request is for another one.
        """
        if self._differs(request):
            raise web.HTTPPreconditionFailed

    async def _send(
        self, request: web.Request, file: BinaryIO | None, size: int, pace: Paced | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=self.headers)
        response.headers[hdrs.ETAG] = f'"{self.etag}"'
        response.headers[hdrs.ACCEPT_RANGES] = "bytes"
        self.check(request)
        if self._unchanged(request):
            response.set_status(304)
            await response.prepare(request)
            return response
        span = self._range(request, size)
        start, end = span or (0, size)
        if span is not None:
            response.set_status(206)
            response.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{size}"
        response.content_type = self.content_type
        response.content_length = end - start
        await response.prepare(request)
        if file is not None and request.method != "HEAD" and end > start:
            await _copy(request, file, start, end - start, pace)
        await response.write_eof()
        return response

    def _differs(self, request: web.Request) -> bool:
        """Compare strongly: a weak tag does not promise the same bytes (13.1.1)."""
        match = combined(request.headers, hdrs.IF_MATCH)
        return match is not None and not self._named_in(match, strongly=True)

    def _unchanged(self, request: web.Request) -> bool:
        """Compare weakly (13.1.2)."""
        none_match = combined(request.headers, hdrs.IF_NONE_MATCH)
        return none_match is not None and self._named_in(none_match, strongly=False)

    def _named_in(self, field: str, *, strongly: bool) -> bool:
        return any(
            star or (tag == self.etag and not (weak and strongly))
            for weak, tag, star in _ETAG.findall(field)
        )

    def _range(self, request: web.Request, size: int) -> tuple[int, int] | None:
        """Return the half-open range to send; ``None`` for the whole file.

        What is malformed, in another unit, or several ranges, is ignored, and so
        is every range of a method other than ``GET`` (14.2).

        Raises:
            web.HTTPRequestRangeNotSatisfiable: The range begins after the end.
        """
        match = _RANGE.fullmatch(request.headers.get(hdrs.RANGE, "").strip())
        condition = request.headers.get(hdrs.IF_RANGE, f'"{self.etag}"').strip()
        if request.method != hdrs.METH_GET or match is None or condition != f'"{self.etag}"':
            return None
        first, last = match.groups()
        if first:
            start, end = int(first), min(int(last) + 1, size) if last else size
            if last and int(last) < start:
                return None
        elif last:
            start, end = max(0, size - int(last)), size
        else:
            return None
        if start >= size:
            raise web.HTTPRequestRangeNotSatisfiable(
                headers={hdrs.CONTENT_RANGE: f"bytes */{size}"}
            )
        return start, end


def attachment(filename: str) -> str:
    """Return a ``Content-Disposition`` that saves the file under its name (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9 ._()\[\]-]", "_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


async def _copy(
    request: web.Request, file: BinaryIO, offset: int, count: int, pace: Paced | None
) -> None:
    """Copy the file to the connection by the kernel; without its help under TLS.

    It is copied in slices, after each of which the pace decides when the next one begins.

    Raises:
        StorageFailed: The file is shorter than the size in the header.
    """
    loop, end = asyncio.get_running_loop(), offset + count
    while offset < end:
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        most = (pace.part_size if pace is not None else None) or _MAX_SLICE_BYTES
        part = min(end - offset, most)
        size = await loop.sendfile(transport, file, offset, part)
        offset += size
        if size < part:
            raise StorageFailed(f"a file ended {end - offset} bytes before its end")
        if pace is not None:
            await pace.take(size)
