"""Documents as bases of new versions: their units, and their files to copy from."""

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.errors import BaseChanged, DocumentNotFound, ProtocolError, StorageFailed
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.sessions import Principal, Scope, Session
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.threads import run_uncancelled

from .units import FileUnits, read_units

_MAX_CACHED_FILES = 8
_MAX_CONCURRENT = 2
"""Files that are read at a time to compute units."""
_HINT = "Send the chunk whole."


@dataclass(frozen=True, slots=True)
class BaseFile:
    """The open file of a document from which the chunks of a new version are copied.

    Attributes:
        size: Bytes of the document.
    """

    size: int
    _descriptor: int

    @classmethod
    def opened(cls, path: Path, size: int) -> Self:
        """Open the file of a document. Blocking."""
        return cls(size, os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill a buffer from an offset. Blocking.

        Raises:
            BaseChanged: The file ends before, or cannot be read.
        """
        try:
            length = os.preadv(self._descriptor, [buffer], offset)
        except OSError as error:
            raise BaseChanged(
                f"the document to copy from cannot be read: {error.strerror}", hint=_HINT
            ) from error
        if length != len(buffer):
            raise BaseChanged("the document to copy from has become shorter", hint=_HINT)

    def read(self, start: int, end: int) -> bytes:
        """Return bytes, or fewer at the end of the file. Blocking."""
        return os.pread(self._descriptor, end - start, start)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class DeltaBases:
    """Documents to compare new versions with and to copy from.

    Args:
        catalogue: Where the documents are.
        files: Opens their files.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        files: DocumentFiles,
    ) -> None:
        self._catalogue = catalogue
        self._files = files
        self._units: OrderedDict[int, FileUnits] = OrderedDict()  # the least recently used first
        self._turns = asyncio.Semaphore(_MAX_CONCURRENT)

    async def units(self, principal: Principal, document_id: int) -> tuple[Document, FileUnits]:
        """Return a document and its units, for a client that has a new version of it.

        Raises:
            DocumentNotFound: There is none, or it is another principal's.
            StorageFailed: Its file is missing or damaged.
        """
        principal.require(Scope.READ)
        owner = None if principal.may(Scope.ADMIN) else principal.id
        document = await self._catalogue.get(document_id, owner=owner)
        async with self._turns:  # a second caller finds what the first has computed
            units = self._units.get(document.id)
            if units is None:
                async with self._files.open(document) as path:
                    work = asyncio.to_thread(_units_of, path, document.file_size)
                    units = await run_uncancelled(work)
                self._units[document.id] = units
            self._units.move_to_end(document.id)
            while len(self._units) > _MAX_CACHED_FILES:
                self._units.popitem(last=False)
        return document, units

    @asynccontextmanager
    async def opened(self, principal: Principal, session: Session) -> AsyncIterator[BaseFile]:
        """Provide the file of the document that an upload replaces.

        Raises:
            PermissionDenied: The principal may not read documents.
            ProtocolError: The upload replaces none.
            BaseChanged: It was deleted meanwhile, or its file cannot be read.
        """
        principal.require(Scope.READ)
        if session.replaces is None:
            raise ProtocolError(
                "the upload replaces no document, so there is nothing to copy from",
                hint="Name the document as 'replaces' when you initiate the upload.",
            )
        async with AsyncExitStack() as stack:
            try:
                document = await self._catalogue.get(session.replaces, owner=session.owner)
                path = await stack.enter_async_context(self._files.open(document))

                def open_file() -> BaseFile:
                    base = BaseFile.opened(path, document.file_size)
                    stack.callback(base.close)  # also if the caller has left meanwhile
                    return base

                base = await run_uncancelled(asyncio.to_thread(open_file))
            except (DocumentNotFound, StorageFailed, OSError) as error:
                raise BaseChanged(
                    f"document {session.replaces} cannot be copied from any more",
                    hint=_HINT,
                    details={"document_id": session.replaces},
                ) from error
            yield base


def _units_of(path: Path, size: int) -> FileUnits:
    base = BaseFile.opened(path, size)
    try:
        return read_units(base.read, size)
    finally:
        base.close()
