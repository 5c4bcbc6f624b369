"""A chunk as ``multipart/form-data`` (RFC 7578): some short fields and one file, in any order.

The file is handed on slice by slice while it arrives. What stands behind it is read
afterwards: a checksum, or fields that have to agree with what was said before.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping
from contextlib import aclosing
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Self, cast

from aiohttp import hdrs, web
from aiohttp.helpers import parse_mimetype
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from pdfsluice.core.errors import ProtocolError, SizeExceeded
from pdfsluice.core.models import Checksum
from pdfsluice.core.pipeline import Portion, Slice

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
        self._parts = _Parts(_boundary(request), names, file)
        self._settle = settle
        self._begun: Iterator[Slice] = iter(())
        self._spool: BinaryIO | None = None
        self.checksum: Checksum | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The fields that have come so far."""
        return self._parts.fields

    @property
    def has_file(self) -> bool:
        """Whether the file has begun."""
        return self._parts.has_file

    async def __aenter__(self) -> Self:
        self._reader.__enter__()
        data = b" "
        while data and not self.has_file:
            data = await self._reader.read()
            self._begun = self._parts.feed(data)
            for first in self._begun:  # fields are read on the way to it
                self._begun = chain([first], self._begun)
                break
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.__exit__(None, None, None)
        if self._spool is not None:
            self._spool.close()

    async def portions(self, most: int) -> AsyncGenerator[Portion]:
        """Yield the bytes of the file as they come, then settle what came behind it.

        Raises:
            ProtocolError: The form is malformed or has a field that is not known.
            BodyIncomplete: The client broke off.
            BodyTimeout: The client is too slow.
        """
        if self._spool is not None:
            yield iter(partial(self._spool.read, _SPOOL_SLICE), b"")
        else:
            async with aclosing(self._file(most)) as portions:
                async for portion in portions:
                    yield portion
        self.checksum = self._settle(self.fields)

    async def spool(self, folder: Path, *, most: int) -> None:
        """Put the file aside, in a nameless file in ``folder``, to see what comes behind it.

        Raises:
            SizeExceeded: The file has more than ``most`` bytes.
        """
        self._spool = spool = await asyncio.to_thread(_nameless_file, folder)
        async with aclosing(self._file(most)) as portions:
            async for portion in portions:
                await asyncio.to_thread(spool.writelines, portion)
                if self._parts.file_size > most:
                    raise SizeExceeded(
                        f"a chunk may have {most} bytes at most", details={"max_length": most}
                    )
        spool.seek(0)

    async def _file(self, most: int) -> AsyncGenerator[Portion]:
        yield self._begun
        async with aclosing(self._reader.portions(most)) as portions:
            async for portion in portions:
                yield chain.from_iterable(map(self._parts.feed, portion))
        list(self._parts.feed(b""))  # nothing of the file comes any more; is the form whole?


class _Parts:
    """Takes a form apart: keeps the fields and hands the bytes of the file on.

    The parser sees the form without the bytes of the file, which are far too many to be
    copied: only their end is looked for here.

    Attributes:
        fields: The fields so far.
        has_file: Whether the file has begun.
        file_size: Bytes of the file so far.
    """

    def __init__(self, boundary: str, names: Collection[str], file: str) -> None:
        self._parser = PushMultipartParser(boundary)
        self._delimiter = b"\r\n--" + boundary.encode()
        self._names = names
        self._file = file
        self._received = 0
        self._held = b""
        self._in_file = False
        self._name = ""
        self._value = bytearray()
        self.fields: dict[str, str] = {}
        self.has_file = False
        self.file_size = 0

    def feed(self, data: Slice) -> Iterator[Slice]:
        """Take the next bytes of the body, none at its end; yield those of the file.

        Raises:
            ProtocolError: The form is malformed or has a field that is not known.
        """
        if self._received - self.file_size > _OVERHEAD_LIMIT:
            raise ProtocolError("the form has too much beside the file")
        self._received += len(data)
        end = not data
        if not self.has_file:
            data = self._parse_lines(bytes(data), end=end)
        if self._in_file:
            for piece in self._file_pieces(data):
                self.file_size += len(piece)
                yield piece
        elif data:
            self._parse(data)
        if end:
            self._parse(b"")

    def _parse_lines(self, data: bytes, *, end: bool) -> bytes:
        """Parse line by line, up to the file; return what may belong to it."""
        data = self._held + data
        at = 0
        while not self.has_file and (line_end := data.find(b"\r\n", at)) >= 0:
            self._parse(data[at : line_end + 2])
            at = line_end + 2
        if self.has_file:
            self._held = b""
            return data[at:]
        self._held = b"" if end else data[at:]
        return data[at:] if end else b""

    def _file_pieces(self, data: Slice) -> Iterator[Slice]:
        """Yield the bytes of the file; parse what comes behind it."""
        mark, held = self._delimiter, self._held
        if held:  # it may be the start of the delimiter
            missing = len(mark) - len(held)
            begun = held + bytes(data[:missing])
            if len(begun) < len(mark) and mark.startswith(begun) and data:
                self._held = begun
                return
            self._held = b""
            if begun == mark:
                self._end_file(begun + bytes(data[missing:]))
                return
            yield held
        index = _find(data, mark)
        if index >= 0:
            yield data[:index]
            self._end_file(bytes(data[index:]))
            return
        tail = bytes(data[max(0, len(data) - len(mark) + 1) :])
        start = tail.rfind(b"\r")  # of which a delimiter has one only, its first byte
        if start >= 0 and mark.startswith(tail[start:]):
            self._held = tail[start:]
        yield data[: len(data) - len(self._held)]

    def _end_file(self, rest: bytes) -> None:
        self._in_file = False
        self._parse(rest)

    def _parse(self, data: Slice) -> None:
        try:
            for event in self._parser.parse(bytes(data)):
                if isinstance(event, MultipartSegment):
                    self._begin(event.name or "")
                elif event is None:
                    self._end()
                else:
                    self._add(event)
        except MultipartError as error:
            raise ProtocolError(f"the form is malformed: {error}") from error

    def _begin(self, name: str) -> None:
        self._name = name
        if name == self._file:
            if self.has_file:
                raise ProtocolError(f"the form has more than one field {name!r}")
            self.has_file = self._in_file = True
            return
        if name not in self._names:
            raise ProtocolError(
                f"the form has a field {name[:40]!r}, which is not known",
                hint=f"Known are {', '.join(sorted(self._names))} and {self._file}.",
            )
        if name in self.fields:
            raise ProtocolError(f"the form has the field {name!r} more than once")

    def _add(self, data: bytes) -> None:
        self._value += data
        if len(self._value) > FIELD_LIMIT:
            raise ProtocolError(f"the field {self._name!r} is longer than {FIELD_LIMIT} bytes")

    def _end(self) -> None:
        if self._name == self._file:
            return
        try:
            self.fields[self._name] = self._value.decode()
        except UnicodeDecodeError:
            raise ProtocolError(f"the field {self._name!r} is not UTF-8 text") from None
        self._value.clear()


def _find(data: Slice, wanted: bytes) -> int:
    """Return where bytes begin, or -1, without a copy: a memoryview cannot search itself."""
    if not isinstance(data, memoryview):
        return data.find(wanted)
    if isinstance(data.obj, bytearray) and data.obj:  # of which slices show the beginning
        return data.obj.find(wanted, 0, len(data))
    return bytes(data).find(wanted)


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
