"""Streams a document's file into a pipe: resumable, verified at the end."""

import asyncio
import hashlib
from typing import BinaryIO

from .download import Listener
from .errors import ClientError, DigestMismatch
from .models import Document
from .retry import Patience
from .transport import Transport


class StreamedDownload:
    """One download of one document into a stream.

    Args:
        transport: Connection to the server.
        document: What to fetch.
        target: Open for writing; what was written to it cannot be taken back.
        patience: How long to keep trying.
        listener: Called often, from the event loop; must return quickly.
    """

    def __init__(
        self,
        transport: Transport,
        document: Document,
        target: BinaryIO,
        *,
        patience: Patience,
        listener: Listener,
    ) -> None:
        self._transport = transport
        self._document = document
        self._target = target
        self._patience = patience
        self._listener = listener
        self._digest = hashlib.sha256()
        self._arrived = 0

    async def run(self) -> None:
        """Fetch the file and compare its digest.

        Raises:
            DigestMismatch: What arrived is not what the server announced.
            ClientError: The server refuses or cannot be reached, or the stream cannot be written.
        """

        async def request() -> None:
            await self._transport.receive(
                f"/api/documents/{self._document.id}/file", start=self._arrived, take=self._take
            )

        while self._arrived < self._document.file_size:
            before = self._arrived
            await self._patience.retried(request)
            if self._arrived == before:
                break
        await self._written(b"")
        if self._digest.hexdigest() != self._document.sha256:
            raise DigestMismatch(
                f"what arrived of document {self._document.id} has another SHA-256 than announced",
                hint="Discard the output and try again. If it happens again, the file on the"
                " server is damaged.",
            )

    async def _take(self, offset: int, data: bytes) -> None:
        """Write what is new; a server that ignores the range begins again at the start."""
        new = data[max(0, self._arrived - offset) :]
        if new:
            await self._written(new)
            self._digest.update(new)
            self._arrived += len(new)
            self._patience.progressed()
            self._listener(self._arrived, self._document.file_size)

    async def _written(self, data: bytes) -> None:
        try:
            await asyncio.to_thread(self._write, data)
        except OSError as error:  # it is no broken connection, not even a broken pipe
            raise ClientError(
                f"the output cannot be written: {error.strerror}", code="file-unwritable"
            ) from error

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        if not data:
            self._target.flush()
