"""Brings a document's file from the server: resumable, checked, and never half there."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from .errors import ClientError, DigestMismatch
from .models import Document
from .retry import Patience
from .transport import Transport

_HASH_SLICE = 1024 * 1024

Listener = Callable[[int, int], None]
"""Told of the bytes that have arrived, and of how many there are."""


class Download:
    """One download of one document.

    What has arrived is kept in a file beside the target, whose name holds the digest of the
    document: the next download of the same content to the same place goes on there.

    Args:
        transport: The way to the server.
        document: What to fetch.
        target: Where the file is to be. What is there is replaced at the end, at once.
        patience: How long to keep trying.
        listener: Called often, from the event loop; must be quick.
    """

    def __init__(
        self,
        transport: Transport,
        document: Document,
        target: Path,
        *,
        patience: Patience,
        listener: Listener,
    ) -> None:
        self._transport = transport
        self._document = document
        self._target = target
        self._part = part_of(target, document)
        self._patience = patience
        self._listener = listener
        self._digest = hashlib.sha256()
        self._arrived = 0

    async def run(self) -> None:
        """Fetch what is missing, check it and give it its name.

        Raises:
            DigestMismatch: What arrived is not what the server says that it has.
            ClientError: The server refuses or stays away, or the file cannot be written.
        """
        try:
            with self._part.open("a+b", buffering=0) as file:
                await asyncio.to_thread(self._take_up, file.fileno())
                await self._fetch(file.fileno())
                await asyncio.to_thread(os.fsync, file.fileno())
            self._check()
            self._part.replace(self._target)
        except OSError as error:
            raise self._unwritable(error) from error

    def _take_up(self, descriptor: int) -> None:
        """Read what an earlier download has left."""
        while data := os.pread(descriptor, _HASH_SLICE, self._arrived):
            self._digest.update(data)
            self._arrived += len(data)
        if self._arrived > self._document.file_size:
            self._begin_anew(descriptor)

    def _begin_anew(self, descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        self._digest = hashlib.sha256()
        self._arrived = 0

    async def _fetch(self, descriptor: int) -> None:
        async def request() -> None:
            await self._transport.receive(
                f"/api/documents/{self._document.id}/file",
                start=self._arrived,
                take=lambda offset, data: self._take(descriptor, offset, data),
            )

        self._listener(self._arrived, self._document.file_size)
        while self._arrived < self._document.file_size:
            before = self._arrived
            await self._patience.retried(request)
            if self._arrived == before:
                break  # the check tells that it is too short

    async def _take(self, descriptor: int, offset: int, data: bytes) -> None:
        if offset != self._arrived:  # it was asked for a part, and something sends the whole
            self._begin_anew(descriptor)
        try:
            await asyncio.to_thread(_write, descriptor, data)
        except OSError as error:  # said here, lest it be taken for a broken connection
            raise self._unwritable(error) from error
        self._digest.update(data)
        self._arrived += len(data)
        self._patience.progressed()
        self._listener(self._arrived, self._document.file_size)

    def _unwritable(self, error: OSError) -> ClientError:
        return ClientError(
            f"{self._target} cannot be written: {error.strerror}",
            code="file-unwritable",
            hint="Is there such a folder, and room in it? What has arrived is kept.",
        )

    def _check(self) -> None:
        if self._digest.hexdigest() != self._document.sha256:
            self._part.unlink()
            raise DigestMismatch(
                f"what arrived of document {self._document.id} has another SHA-256 than it"
                " should have, and was deleted",
                hint="Try again; if it happens again, the file on the server is damaged.",
            )


def part_of(target: Path, document: Document) -> Path:
    """Return where the bytes of an unfinished download are."""
    return target.with_name(f".{target.name}.{document.sha256[:16]}.part")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
