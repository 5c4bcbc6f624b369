"""Downloads a document's file: resumable, verified, renamed when complete."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ClientError, DigestMismatch
from .models import Document
from .retry import Patience
from .transport import Transport

_HASH_SLICE = 1024 * 1024
MAX_NAME_BYTES = 255
"""What the name of a file may have on all usual file systems."""

Listener = Callable[[int, int], None]
"""Called with the bytes that have arrived and the total."""


class Download:
    """One download of one document.

    What has arrived is kept in a file next to the target, whose name holds the digest of the
    document: the next download of the same content to the same place resumes there. It is locked
    while a download writes to it.

    Args:
        transport: Connection to the server.
        document: What to fetch.
        target: Where the file is to be. A file that is there is replaced at the end, atomically.
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
        self._arrived = 0

    async def run(self) -> None:
        """Fetch what is missing, check it and give it its name.

        Raises:
            DigestMismatch: What arrived is not what the server announced.
            ClientError: The server refuses or stays away, the file cannot be written, or
                another download writes to it.
        """
        try:
            check_target(self._target)
            with self._locked() as descriptor:
                self._take_up(descriptor)
                await self._fetch(descriptor)
                await asyncio.to_thread(self._check, descriptor)
                self._part.replace(self._target)
        except OSError as error:
            raise self._unwritable(error) from error

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Open the part file for this download alone."""
        while True:
            descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                self._lock(descriptor)
                if _is_at(descriptor, self._part):
                    yield descriptor
                    return
                # Another download has just given it its name, or deleted it: it is not ours.
            finally:
                os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ClientError(
                f"another download of document {self._document.id} to {self._target} is under way",
                code="download-running",
                hint="Wait for it to end, or give another place.",
            ) from error

    def _take_up(self, descriptor: int) -> None:
        """Continue after what an earlier download has left."""
        self._arrived = os.fstat(descriptor).st_size
        if self._arrived > self._document.file_size:
            self._restart(descriptor)

    def _restart(self, descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
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
                break  # the check below reports that it is too short

    async def _take(self, descriptor: int, offset: int, data: bytes) -> None:
        if offset != self._arrived:  # it was asked for a part, and something sends the whole
            self._restart(descriptor)
        try:
            await asyncio.to_thread(_write, descriptor, data, self._arrived)
        except OSError as error:  # converted here: it is no broken connection
            raise self._unwritable(error) from error
        self._arrived += len(data)
        self._patience.progressed()
        self._listener(self._arrived, self._document.file_size)

    def _unwritable(self, error: OSError) -> ClientError:
        return ClientError(
            f"{self._target} cannot be written: {error.strerror}",
            code="file-unwritable",
            hint="Is there such a folder, and space in it? What has arrived is kept.",
        )

    def _check(self, descriptor: int) -> None:
        """Compare the digest of the file as it is stored, and sync it."""
        digest, position = hashlib.sha256(), 0
        while data := os.pread(descriptor, _HASH_SLICE, position):
            digest.update(data)
            position += len(data)
        if digest.hexdigest() != self._document.sha256:
            self._part.unlink()
            raise DigestMismatch(
                f"what arrived of document {self._document.id} has another SHA-256 than it"
                " should have, and was deleted",
                hint="Try again; if it happens again, the file on the server is damaged.",
            )
        os.fsync(descriptor)


def check_target(target: Path) -> None:
    """Check that a finished file can have this name.

    A folder cannot be replaced. A device or a pipe can, by a user who may write to its folder,
    and would be gone for all programs.

    Raises:
        ClientError: There is something else than a file.
    """
    if target.is_dir():
        raise ClientError(
            f"{target} is a folder",
            code="file-unwritable",
            hint="Give the name of the file too.",
        )
    if target.exists() and not target.is_file():
        raise ClientError(
            f"{target} is a device or a pipe, and would be replaced by the file",
            code="file-unwritable",
            hint="Give the name of a file, or write to standard output.",
        )


def part_of(target: Path, document: Document) -> Path:
    """Return where the bytes of an unfinished download are."""
    name, suffix = target.name, f".{document.sha256[:16]}.part"
    while len(os.fsencode(f".{name}{suffix}")) > MAX_NAME_BYTES:
        name = name[:-1]
    return target.with_name(f".{name}{suffix}")


def shortened(name: str) -> str:
    """Return a name that file systems take; a name that is too long keeps its ending."""
    stem, dot, ending = name.rpartition(".")
    ending = f"{dot}{ending}" if stem and len(os.fsencode(ending)) < MAX_NAME_BYTES // 2 else ""
    stem = name.removesuffix(ending) if ending else name
    while len(os.fsencode(stem + ending)) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return stem + ending


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write(descriptor: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, position)
        view, position = view[count:], position + count
