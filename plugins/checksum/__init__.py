"""Register the checksum algorithms of the standard library.

The core compares the bytes of chunks with what clients announce. The digest of a whole file
is computed by the plugin `digest`.
"""

import hashlib
import zlib
from collections.abc import Sequence
from functools import partial

from pdfsluice.core import ChecksumSpec, PluginContext, hookimpl


class Crc32:
    """CRC-32 as in zlib and PNG, most significant byte first (tus checksum extension)."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview, /) -> None:
        """Add the next bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far."""
        return self._value.to_bytes(4, "big")


ALGORITHMS: Sequence[ChecksumSpec] = (
    ChecksumSpec(name="sha256", http_name="sha-256", new=hashlib.sha256),
    ChecksumSpec(name="sha512", http_name="sha-512", new=hashlib.sha512),
    ChecksumSpec(name="sha1", http_name="sha", new=partial(hashlib.sha1, usedforsecurity=False)),
    ChecksumSpec(name="md5", new=partial(hashlib.md5, usedforsecurity=False)),
    ChecksumSpec(name="crc32", new=Crc32),
)
"""The algorithms, strongest first."""


@hookimpl
def pdfsluice_register_checksums(context: PluginContext) -> Sequence[ChecksumSpec]:  # noqa: ARG001 - the hook's signature
    """Register the algorithms of the standard library."""
    return ALGORITHMS
