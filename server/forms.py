"""A chunk as ``multipart/form-data`` (RFC 7578): some short fields and one file, in any order.

The file is handed on slice by slice while it arrives. What stands behind it is read
afterwards: a checksum, or fields that have to agree with what was said before.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Self, cast

from aiohttp import hdrs, web
from aiohttp.helpers import parse_mimetype
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from pdfsluice.core.errors import ProtocolError, SizeExceeded
from pdfsluice.core.models import Checksum

from .bodies import BodyLimits, BodyReader
from .problems import UnsupportedMedia

FIELD_LIMIT = 1024
"""Longest value of a field, in bytes."""
_OVERHEAD_LIMIT = 64 * 1024
_BOUNDARY_LIMIT = 70  # RFC 2046, 5.1.1
_SPOOL_SLICE = 256 * 1024

Settle = Callable[[Mapping[str, str]], Checksum | None]
"""Looks at all fields when the body has ended; returns the checksum of the file, if any."""


class FileForm:
    """A form that is being read; use as an async context manager.

    Entering reads on to the file, or to the end where there is none. Then ``fields`` has
    what came before the file.

    Args:
        request: The request; nothing of its body has been read.
        limits: How slowly it may come.
        names: The fields that may be there; all are optional.
        file: The name of the file's field.
        settle: Called when the body has ended.
    """

    def __init__(
        self,
        request: web.Request,
        limits: BodyLimits,
        *,
        names: Collection[str],
        settle: Settle,
        file: str = "file",
    ) -> None:
        self._reader = BodyReader(request, limits)
        self._parser = PushMultipartParser(_boundary(request))
        self._names = names
        self._file = file
        self._settle = settle
        self._events = self._parse()
        self._spool: BinaryIO | None = None
        self._file_size = 0
        self.fields: dict[str, str] = {}
        self.has_file = False
        self.checksum: Checksum | None = None

    async def __aenter__(self) -> Self:
        self._reader.__enter__()
        await self._read_fields()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._events.aclose()
        self._reader.__exit__(None, None, None)
        if self._spool is not None:
            self._spool.close()

    async def slices(self) -> AsyncIterator[bytes | bytearray]:
        """Yield the bytes of the file as they come, then settle what came behind it.

        Raises:
            ProtocolError: The form is malformed or has a field that is not known.
            BodyIncomplete: The client broke off.
            BodyTimeout: The client is too slow.
        """
        if self._spool is not None:
            while spooled := await asyncio.to_thread(self._spool.read, _SPOOL_SLICE):
                yield spooled
        else:
            async for piece in self._file_pieces():
                yield piece
            await self._read_fields()
        self.checksum = self._settle(self.fields)

    async def spool(self, folder: Path, *, most: int) -> None:
        """Put the file aside, in a nameless file in ``folder``, to see what comes behind it.

        Raises:
            SizeExceeded: The file has more than ``most`` bytes.
        """
        self._spool = spool = await asyncio.to_thread(_nameless_file, folder)
        async for piece in self._file_pieces():
            if self._file_size > most:
                raise SizeExceeded(
                    f"a chunk may have {most} bytes at most", details={"max_length": most}
                )
            await asyncio.to_thread(spool.write, piece)
        await self._read_fields()
        spool.seek(0)

    async def _read_fields(self) -> None:
        """Read fields up to the start of the file, or to the end of the form."""
        async for event in self._events:
            if isinstance(event, MultipartSegment):
                if event.name == self._file:
                    self._begin_file()
                    return
                await self._read_field(event)

    def _begin_file(self) -> None:
        if self.has_file:
            raise ProtocolError(f"the form has more than one field {self._file!r}")
        self.has_file = True

    async def _read_field(self, segment: MultipartSegment) -> None:
        name = segment.name or ""
        if name not in self._names:
            raise ProtocolError(
                f"the form has a field {name[:40]!r}, which is not known",
                hint=f"Known are {', '.join(sorted(self._names))} and {self._file}.",
            )
        if name in self.fields:
            raise ProtocolError(f"the form has the field {name!r} more than once")
        value = bytearray()
        async for event in self._events:
            if not isinstance(event, bytes | bytearray):
                break
            value += event
            if len(value) > FIELD_LIMIT:
                raise ProtocolError(f"the field {name!r} is longer than {FIELD_LIMIT} bytes")
        try:
            self.fields[name] = value.decode()
        except UnicodeDecodeError:
            raise ProtocolError(f"the field {name!r} is not UTF-8 text") from None

    async def _file_pieces(self) -> AsyncIterator[bytes | bytearray]:
        async for event in self._events:
            if not isinstance(event, bytes | bytearray):
                return
            self._file_size += len(event)
            yield event

    async def _parse(self) -> AsyncGenerator[MultipartSegment | bytes | bytearray | None, None]:
        async for data in self._pieces():
            if self._reader.received - self._file_size > _OVERHEAD_LIMIT + len(data):
                raise ProtocolError("the form has too much beside the file")
            try:
                for event in self._parser.parse(data):  # nothing, at the end, closes the parser
                    yield event
            except MultipartError as error:
                raise ProtocolError(f"the form is malformed: {error}") from error

    async def _pieces(self) -> AsyncIterator[bytes]:
        """Yield the body, and an empty piece at its end."""
        for head in await self._reader.read_directly():
            yield head
        data = b" "
        while data:
            data = await self._reader.read()
            yield data


def _nameless_file(folder: Path) -> BinaryIO:
    return cast(BinaryIO, TemporaryFile(dir=folder))


def _boundary(request: web.Request) -> str:
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia(
            f"the body is {request.content_type}; multipart/form-data is expected",
            hint="Send a form, or PUT the bytes of the chunk as application/octet-stream.",
        )
    boundary = parse_mimetype(request.headers[hdrs.CONTENT_TYPE]).parameters.get("boundary", "")
    if not 0 < len(boundary) <= _BOUNDARY_LIMIT:
        raise ProtocolError("the Content-Type of the form has no usable boundary")
    return boundary
