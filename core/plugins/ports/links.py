"""The port of link signers: short-lived addresses of documents for clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .opening import UNOPENED, Opener


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedFile:
    """The file of a document that a client may fetch.

    Attributes:
        blob_id: The id of its blob in the upload store: a UUID in lower case.
        filename: The name under which it is saved.
        content_type: Its media type.
        content_disposition: The header field with that name (RFC 6266), in ASCII.
        size: Its size in bytes.
        sha256: Its digest in lower-case hexadecimal.
        expires_at: When the link has to end (UTC).
    """

    blob_id: str
    filename: str
    content_type: str
    content_disposition: str
    size: int
    sha256: str
    expires_at: datetime

    @property
    def path(self) -> str:
        """Its path in the built-in upload stores, below their folder ``documents``."""
        return f"{self.blob_id[:2]}/{self.blob_id}.pdf"


class LinkSigner(Protocol):
    """A maker of links to the files of documents, such as signed addresses of a CDN."""

    async def link(self, file: LinkedFile) -> str | None:
        """Return the link to a file; ``None`` if the server has to send the file itself.

        Called after the caller's access was checked. The link leads to the bytes of the file, by
        ``GET`` and by ranges, for everyone who has it and until ``expires_at``. It is an absolute
        address in ASCII with ``http`` or ``https``, and carries no secret of the server. No
        request is needed to make it, or one that is quick.
        """
        ...


class ReachableStore(Protocol):
    """Further methods of an upload store that clients can reach themselves.

    A store without them works: its files are sent by the server.
    """

    async def link(self, file: LinkedFile) -> str | None:
        """Return the link to a published blob; see :meth:`LinkSigner.link`."""
        ...

    async def ticket(
        self, blob_id: str, slot: int, length: int, expires_at: datetime
    ) -> "Ticket | None":
        """Return how a client sends bytes of an upload to the store itself.

        Nothing that is committed can be changed with it: the bytes count only after
        :meth:`adopt`, which copies them to a place that no client can write to.

        Args:
            blob_id: The upload.
            slot: Where the bytes wait; sending to a slot again replaces what waits there.
            length: How many bytes belong there.
            expires_at: When the ticket has to end (UTC).

        Returns:
            The ticket; ``None`` if this store gives none.
        """
        ...

    async def adopt(self, blob_id: str, slot: int, start: int, end: int) -> bool:
        """Take what waits in a slot as bytes of an open blob.

        They are then readable with ``read_into`` of the blob, as if they had been written, and
        ``seal`` of the same range stores nothing more.

        Args:
            blob_id: The upload, whose blob is open.
            slot: The slot.
            start: Offset of the first byte.
            end: Offset after the last byte.

        Returns:
            Whether anything waits there.

        Raises:
            SizeExceeded: More bytes wait there; they are deleted.
            ProtocolError: Fewer bytes wait there; they are deleted.
        """
        ...

    async def clear(self, blob_id: str, slot: int) -> None:
        """Delete what waits in a slot."""
        ...


@dataclass(frozen=True, slots=True)
class Ticket:
    """The permission to send bytes to a store.

    Attributes:
        url: The address for ``PUT``. It is a secret of the client and never logged.
        headers: Header fields that the request must have.
        expires_at: When the request has to have begun (UTC).
    """

    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSignerSpec:
    """Descriptor of a link signer; the setting ``link_signer`` chooses one by name.

    Attributes:
        signer: The signer; called for each download.
        open: Opens the signer when the program starts and closes it when the program ends;
            given in place of ``signer`` if the signer holds connections.
    """

    name: str
    signer: LinkSigner = UNOPENED
    open: Opener[LinkSigner] | None = None
