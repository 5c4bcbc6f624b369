"""The chunk stage ``checksum``."""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from pdfsluice.core import Checksum, ChecksumMismatch, ChunkIntent, ProtocolError, Session


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    """CRC-32 as in zlib and PNG, most significant byte first (tus checksum extension)."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_ALGORITHMS: Mapping[str, Callable[[], _Hash]] = {
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "md5": partial(hashlib.md5, usedforsecurity=False),
    "crc32": _Crc32,
}


class ChecksumStage:
    """Verifies chunks with an announced checksum, before or after the body."""

    def begin(self, session: Session, chunk: ChunkIntent) -> "ChecksumCheck | None":  # noqa: ARG002 - the port's signature
        """Return a check for a chunk with a checksum, ``None`` for one without."""
        return None if chunk.checksum is None else ChecksumCheck(chunk.checksum)


class ChecksumCheck:
    """Computes the checksum of one chunk.

    Args:
        announced: The checksum that the client announced before the body.
    """

    def __init__(self, announced: Checksum) -> None:
        if announced.algorithm not in _ALGORITHMS:
            raise ProtocolError(
                f"The checksum algorithm {announced.algorithm!r} is not supported.",
                hint=f"Use one of: {', '.join(_ALGORITHMS)}.",
            )
        self._algorithm = announced.algorithm
        self._announced = announced
        self._hash = _ALGORITHMS[announced.algorithm]()

    def update(self, data: memoryview) -> None:
        """Hash the next bytes; the interpreter lock is released meanwhile."""
        self._hash.update(data)

    def finish(self, checksum: Checksum | None) -> None:
        """Compare the checksum of all bytes with each that was announced."""
        actual = self._hash.digest()
        for announced in (self._announced, checksum):
            if announced is not None:
                self._compare(announced, actual)

    def _compare(self, announced: Checksum, actual: bytes) -> None:
        if announced.algorithm != self._algorithm:
            raise ProtocolError(
                f"The chunk has a {self._algorithm} checksum before its body and a"
                f" {announced.algorithm} checksum after it.",
                hint="Send one checksum.",
            )
        if announced.value != actual:
            raise ChecksumMismatch(
                f"The chunk's {self._algorithm} checksum is {actual.hex()}, "
                f"but {announced.value.hex()} was announced.",
                hint="The chunk was damaged in transit; send it again.",
                details={
                    "algorithm": self._algorithm,
                    "expected": announced.value.hex(),
                    "actual": actual.hex(),
                },
            )
