"""Bytes that clients send to the object store themselves.

They wait under a name that a client can write to, again and again. To adopt them is to copy
them, inside the store, to a name that only the server knows. What was copied is then read back,
checked and committed like any other bytes. So a reused address changes nothing that counts.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from math import ceil

from pdfsluice.core.errors import NotFound, ProtocolError, SizeExceeded
from pdfsluice.core.plugins.ports.links import LinkedFile, Ticket
from pdfsluice.core.plugins.ports.objects import ObjectStore

from . import names
from .workspace import Workspace


class DirectAccess:
    """What clients do with objects themselves. All methods block.

    Args:
        objects: Where the bytes are.
        workspace: Provides the local files of an open upload.
    """

    def __init__(
        self,
        objects: ObjectStore,
        workspace: Callable[[str], AbstractContextManager[Workspace]],
    ) -> None:
        self._objects = objects
        self._workspace = workspace

    def link(self, file: LinkedFile) -> str | None:
        """Return an address of a document, if the object store makes any.

        There is none if its end has passed.
        """
        make = getattr(self._objects, "link", None)
        seconds = _seconds(file.expires_at)
        if make is None or seconds < 1:
            return None
        url: str | None = make(
            names.document(file.blob_id),
            seconds=seconds,
            content_type=file.content_type,
            content_disposition=file.content_disposition,
        )
        return url

    def ticket(self, blob_id: str, slot: int, length: int, expires_at: datetime) -> Ticket | None:
        """Return how a client sends bytes to a slot, if the object store makes addresses.

        There is no ticket if its end has passed.
        """
        make = getattr(self._objects, "upload_link", None)
        name, seconds = names.direct(blob_id, slot), _seconds(expires_at)
        made = make and seconds >= 1 and make(name, seconds=seconds, length=length)
        return Ticket(made[0], made[1], expires_at) if made else None

    def adopt(self, blob_id: str, slot: int, start: int, end: int) -> bool:
        """Copy what waits in a slot to a new segment, and its bytes to the spool."""
        waiting, name = names.direct(blob_id, slot), names.new_segment(blob_id, start)
        try:
            self._objects.copy(waiting, name)
        except NotFound:
            return False
        size = self._objects.size(name)  # of the copy: what waits may change at any moment
        if size != end - start:
            self._objects.delete([waiting, name])
            raise _wrong_size(size or 0, start, end)
        with self._workspace(blob_id) as workspace:
            workspace.adopt(name, start, end)
        return True

    def clear(self, blob_id: str, slot: int) -> None:
        """Delete what waits in a slot."""
        self._objects.delete([names.direct(blob_id, slot)])


def _wrong_size(size: int, start: int, end: int) -> ProtocolError | SizeExceeded:
    kind = SizeExceeded if size > end - start else ProtocolError
    return kind(
        f"{size} bytes were sent to the store; {end - start} belong at offset {start}",
        hint="They were deleted. Send exactly the bytes of the ticket.",
        details={"received": size, "expected": end - start, "offset": start},
    )


def _seconds(expires_at: datetime) -> int:
    return ceil((expires_at - datetime.now(UTC)).total_seconds())
