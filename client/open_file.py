"""The file that is being sent: read in slices, never held whole."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import ClientError, FileChanged

_SLICE = 256 * 1024
_HASH_SLICE = 1024 * 1024
# A pipe without a writer would never open: it is opened without waiting, and refused.
_OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open file.

    Attributes:
        path: Where it is.
        descriptor: Open for reading.
        size: Bytes it had when it was opened.
        modified: Nanoseconds since the epoch at which it was last written then.
    """

    path: Path
    descriptor: int
    size: int
    modified: int

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator["OpenFile"]:
        """Open a file for the time of the context.

        Raises:
            ClientError: It cannot be read, or is not a regular file.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | _OPEN_FLAGS)
        except OSError as error:
            raise ClientError(
                f"{path} cannot be read: {error.strerror}", code="file-unreadable"
            ) from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ClientError(f"{path} is not a regular file", code="file-unreadable")
            yield cls(path, descriptor, status.st_size, status.st_mtime_ns)
        finally:
            os.close(descriptor)

    async def slices(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` to ``end``.

        Raises:
            FileChanged: The file has become shorter.
        """
        while start < end:
            data = await asyncio.to_thread(self.read, start, min(end, start + _SLICE))
            start += len(data)
            yield data

    def read(self, start: int, end: int) -> bytes:
        """Return bytes from ``start`` on, at least one and at most those up to ``end``.

        Raises:
            FileChanged: The file has become shorter.
        """
        data = os.pread(self.descriptor, end - start, start)
        if not data:
            raise self.changed()
        return data

    async def digest(self, start: int = 0, end: int | None = None) -> bytes:
        """Return the SHA-256 of the bytes from ``start`` to ``end``.

        Raises:
            FileChanged: The file has become shorter.
        """
        return await asyncio.to_thread(self._digest, start, self.size if end is None else end)

    def _digest(self, start: int, end: int) -> bytes:
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(min(_HASH_SLICE, max(1, end - start))))
        while start < end:
            size = os.preadv(self.descriptor, [buffer[: min(len(buffer), end - start)]], start)
            if not size:
                raise self.changed()
            digest.update(buffer[:size])
            start += size
        return digest.digest()

    def check_unchanged(self) -> None:
        """Check that the file was not written to since it was opened.

        Raises:
            FileChanged: It was.
        """
        now = os.fstat(self.descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.modified):
            raise self.changed()

    def changed(self) -> FileChanged:
        """Return the error for a file that was written to after its upload began."""
        return FileChanged(
            f"{self.path} was changed after its upload began, and did not become a document",
            hint="Upload it again when no program writes to it.",
        )
