"""The port of object stores: immutable objects under names, as S3 keeps them.

:class:`pdfsluice.core.segments.SegmentedUploadStore` makes an upload store of one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object in a list.

    Attributes:
        name: Its name.
        size: Its size in bytes.
        modified: When it was stored (UTC).
    """

    name: str
    size: int
    modified: datetime


class ObjectStore(Protocol):
    """A store of objects that are stored whole, read by ranges, and never change.

    All methods block and run in worker threads, several at a time. Names have the characters
    ``a-z 0-9 / - .`` only. The store must be consistent for reads by name after a write; lists
    may lag. Every method raises ``Overloaded`` if the store cannot be reached or is too slow, and
    ``StorageFailed`` if it refuses the request.
    """

    @property
    def label(self) -> str:
        """The address of the store for logs, without secrets."""
        ...

    def put(self, name: str, data: memoryview) -> None:
        """Store an object; durable on return."""
        ...

    def put_parts(self, name: str, parts: Iterator[bytes]) -> None:
        """Store a large object from consecutive parts; durable on return.

        If iterating the parts raises, nothing is stored under the name.
        """
        ...

    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from an offset inside the object; return how many bytes came.

        Raises:
            NotFound: There is no such object.
        """
        ...

    def size(self, name: str) -> int | None:
        """Return the size of an object in bytes; ``None`` if there is none.

        Nothing is read.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store.

        Raises:
            NotFound: There is no such object.
        """
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects; a missing one is no error."""
        ...

    def list(self, folder: str) -> Iterable[ObjectInfo]:
        """Yield the objects whose names begin with a folder and ``/``."""
        ...


class ReachableObjects(Protocol):
    """Further methods of an :class:`ObjectStore` that clients can reach themselves."""

    def link(
        self, name: str, *, seconds: int, content_type: str, content_disposition: str
    ) -> str | None:
        """Return an address from which an object can be read; ``None`` if there is none.

        Args:
            name: The object.
            seconds: How long the address can be used.
            content_type: The media type with which the store should answer.
            content_disposition: How the file should be saved (RFC 6266).
        """
        ...

    def upload_link(
        self, name: str, *, seconds: int, length: int
    ) -> tuple[str, Mapping[str, str]] | None:
        """Return an address to which an object can be sent; ``None`` if there is none.

        Args:
            name: The object.
            seconds: How long the address can be used.
            length: How many bytes it will have; a store that cannot bind the address to that
                accepts others.

        Returns:
            The address for ``PUT``, and the header fields that the request must have.
        """
        ...
