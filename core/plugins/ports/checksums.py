"""The port for checksum algorithms, which clients announce for chunks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Hasher(Protocol):
    """The computation of one checksum, as by the objects of :mod:`hashlib`."""

    def update(self, data: memoryview, /) -> None:
        """Add the next bytes, in a worker thread; ``data`` is reused afterwards."""
        ...

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far, as the protocols carry it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksumSpec:
    """Descriptor of a checksum algorithm for every protocol.

    Clients name it in the field ``checksum`` of a form (``NAME:HEX``), in ``Upload-Checksum``
    (tus) and in ``Content-Digest`` (RFC 9530). The order of the algorithms is the order in
    which the protocols advertise them; the first of several that a client sends is compared.

    Attributes:
        name: Lower-case name as in the tus protocol: ``sha256``, ``crc32c``, ``blake3``.
        new: Makes a hasher for one chunk; called on the event loop, so it must be quick.
        http_name: Name in ``Content-Digest``, if it is another (``sha-256``); see the registry
            of hash algorithms for HTTP digest fields.
    """

    name: str
    new: Callable[[], Hasher]
    http_name: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def field_key(self) -> str:
        """The name in ``Content-Digest``."""
        return self.http_name or self.name
