"""A chunk as ``multipart/form-data`` (RFC 7578): short fields and one file.

The file is passed on slice by slice while it arrives. The fields after it are read
afterwards: a checksum, or fields that have to agree with those before the file.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Self, cast

from aiohttp import hdrs, web
from aiohttp.helpers import parse_mimetype

from pdfsluice.core.errors import ProtocolError, SizeExceeded, StorageFailed
from pdfsluice.core.models.sessions import Checksum
from pdfsluice.core.threads import run_uncancelled
from pdfsluice.core.uploads.receiving import Part, Slice
from pdfsluice.server.problems import UnsupportedMedia
from pdfsluice.server.transport.body import BodyLimits, RequestBody
from pdfsluice.server.transport.reading import open_body

from .parts import FormParts

_MAX_BOUNDARY = 70  # RFC 2046, 5.1.1
_SPOOL_READ_SIZE = 256 * 1024

Settle = Callable[[Mapping[str, str]], Checksum | None]
"""Looks at all fields when the body has ended; returns the checksum of the file, if any."""


class FileForm:
    """A form that is being read; use as an async context manager.

    Entering reads up to the file, or to the end if there is none. Then ``fields`` has
    the fields before the file.

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
        self._opening = open_body(request, limits)
        self._body: RequestBody
        self._parts = FormParts(_boundary(request), names, file)
        self._settle = settle
        self._begun: Iterator[Slice] = iter(())
        self._spool: BinaryIO | None = None
        self._held = AsyncExitStack()
        self.checksum: Checksum | None = None
        self.coded_bytes = None

    @property
    def fields(self) -> dict[str, str]:
        """The fields that have come so far."""
        return self._parts.fields

    @property
    def has_file(self) -> bool:
        """Whether the file has begun."""
        return self._parts.has_file

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as resources:
            self._body = await resources.enter_async_context(self._opening)
            data = b" "
            while data and not self.has_file:
                data = await self._body.read()
                self._begun = self._parts.feed(data)
                for first in self._begun:  # fields are read on the way to it
                    self._begun = chain([first], self._begun)
                    break
            self._held = resources.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the bytes of the file as they come, then settle the fields after it.

        Raises:
            ProtocolError: The form is malformed or has a field that is not known.
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
        """
        if self._spool is not None:
            yield iter(partial(self._spool.read, _SPOOL_READ_SIZE), b"")
        else:
            async with aclosing(self._file(max_bytes)) as parts:
                async for part in parts:
                    yield part
        self.checksum = self._settle(self.fields)

    async def spool(self, folder: Path, *, max_bytes: int) -> None:
        """Store the file without a name in ``folder``, to read the later fields first.

        Raises:
            SizeExceeded: The file has more than ``max_bytes`` bytes.
            StorageFailed: There is no space for it.
        """
        try:
            await self._spool_file(folder, max_bytes)
        except OSError as error:
            raise StorageFailed(
                f"the file in the form could not be stored: {error.strerror}",
                hint="Send the field chunk_id before the file: then it need not be stored.",
            ) from error

    async def _spool_file(self, folder: Path, max_bytes: int) -> None:
        file = await asyncio.to_thread(_nameless_file, folder)
        self._spool = spool = self._held.enter_context(file)
        async with aclosing(self._file(max_bytes)) as parts:
            async for part in parts:
                await run_uncancelled(asyncio.to_thread(spool.writelines, part))
                if self._parts.file_size > max_bytes:
                    raise SizeExceeded(
                        f"a chunk may have {max_bytes} bytes at most",
                        details={"max_length": max_bytes},
                    )
        spool.seek(0)

    async def _file(self, max_bytes: int) -> AsyncGenerator[Part]:
        yield self._begun
        async with aclosing(self._body.parts(max_bytes)) as parts:
            async for part in parts:
                yield chain.from_iterable(map(self._parts.feed, part))
        list(self._parts.feed(b""))  # nothing of the file comes any more; is the form whole?


def _nameless_file(folder: Path) -> BinaryIO:
    return cast(BinaryIO, TemporaryFile(dir=folder))


def _boundary(request: web.Request) -> str:
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia(
            f"the body is {request.content_type}; multipart/form-data is expected",
            hint="Send a form, or PUT the bytes of the chunk as application/octet-stream.",
        )
    boundary = parse_mimetype(request.headers[hdrs.CONTENT_TYPE]).parameters.get("boundary", "")
    if not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise ProtocolError("the Content-Type of the form has no usable boundary")
    return boundary
