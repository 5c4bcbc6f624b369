"""Links from which clients fetch documents without the server, for a short time."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pdfsluice.config import Settings
from pdfsluice.core.errors import PluginError, StageFailed
from pdfsluice.core.models.documents import Document
from pdfsluice.core.plugins.ports.links import LinkedFile
from pdfsluice.core.plugins.ports.stores import UploadStore
from pdfsluice.core.plugins.registry import Registry, choose

_ADDRESS = re.compile(r"https?://[!-~]+", re.ASCII)

MakeLink = Callable[[LinkedFile], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Link:
    """Where the file of a document can be fetched.

    Attributes:
        url: The address. Everyone who has it can fetch the file, so it is never logged.
        expires_at: When it ends (UTC).
    """

    url: str
    expires_at: datetime


class DocumentLinks:
    """Links to documents, if the settings ask for them.

    Args:
        make: Makes a link; ``None`` if the server sends all files.
        lifetime: How long a link can be used.
    """

    def __init__(
        self,
        make: MakeLink | None,
        lifetime: timedelta,
    ) -> None:
        self._make = make
        self._lifetime = lifetime

    @classmethod
    def of(cls, settings: Settings, registry: Registry, uploads: UploadStore) -> "DocumentLinks":
        """Return the links that the settings ask for.

        Raises:
            PluginError: Nothing can make them.
        """
        if settings.downloads == "proxy":
            return cls(None, settings.link_lifetime)
        if settings.link_signer:
            signer = choose("link_signers", registry.link_signers, settings.link_signer).signer
            return cls(signer.link, settings.link_lifetime)
        make: MakeLink | None = getattr(uploads, "link", None)
        if make is None:
            raise PluginError(
                f"'downloads' is 'redirect', but the upload store {settings.upload_store!r} makes"
                " no links",
                hint="Name a link signer in 'link_signer', or set downloads = \"proxy\".",
            )
        return cls(make, settings.link_lifetime)

    @property
    def active(self) -> bool:
        """Whether the settings ask for links."""
        return self._make is not None

    async def link(
        self, document: Document, *, content_type: str, content_disposition: str
    ) -> Link | None:
        """Return the link to the file of a document; ``None`` if the server sends it.

        Args:
            document: The document; its reader's access was checked.
            content_type: The media type of its file.
            content_disposition: How it is saved (RFC 6266).

        Raises:
            StageFailed: The signer made no address.
        """
        if self._make is None:
            return None
        expires_at = datetime.now(UTC) + self._lifetime
        file = LinkedFile(
            blob_id=document.blob_id,
            filename=document.filename,
            content_type=content_type,
            content_disposition=content_disposition,
            size=document.file_size,
            sha256=document.sha256,
            expires_at=expires_at,
        )
        url = await self._make(file)
        if url is None:
            return None
        if not _ADDRESS.fullmatch(url):
            raise StageFailed(
                "The link to the document is no absolute address in ASCII.",
                hint="This is a defect of the link signer, not of the document.",
            )
        return Link(url, expires_at)
