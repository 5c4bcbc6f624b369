"""Quotas and rates, as the server answers them. All frozen; sizes are bytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """What an account may use; ``None`` for no limit.

    Attributes:
        stored_bytes: Bytes of documents, and of unfinished uploads at their full size.
        reserved_bytes: Bytes of unfinished uploads at their full size.
        metadata_bytes: Bytes of titles and metadata of uploads and documents.
        open_uploads: Unfinished uploads.
        documents: Documents and unfinished uploads.
        uploads_per_day: Uploads begun since midnight (UTC).
        ocr_pages_per_day: Pages that OCR reads since midnight (UTC).
        connections: Requests and WebSockets at the same time, at one process of the server.
    """

    stored_bytes: int | None = None
    reserved_bytes: int | None = None
    metadata_bytes: int | None = None
    open_uploads: int | None = None
    documents: int | None = None
    uploads_per_day: int | None = None
    ocr_pages_per_day: int | None = None
    connections: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """What an account uses.

    Attributes:
        stored_bytes: Bytes of documents.
        reserved_bytes: Bytes of unfinished uploads at their full size.
        open_uploads: Unfinished uploads.
        documents: Documents.
        uploads_today: Uploads begun since midnight (UTC).
        metadata_bytes: Bytes of titles and metadata.
        ocr_pages_today: Pages that OCR has read since midnight (UTC).
        connections: Requests and WebSockets at the process of the server that answered.
    """

    stored_bytes: int
    reserved_bytes: int
    open_uploads: int
    documents: int
    uploads_today: int
    metadata_bytes: int = 0
    ocr_pages_today: int = 0
    connections: int = 0

    def counted(self, limit: str) -> int:
        """Return what counts for a limit, a field of :class:`QuotaLimits`.

        Unfinished uploads count for the bytes and the number of documents as well.
        """
        if limit == "stored_bytes":
            return self.stored_bytes + self.reserved_bytes
        if limit == "documents":
            return self.documents + self.open_uploads
        return int(getattr(self, limit.replace("_per_day", "_today")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account: a tenant, or a principal without one.

    Attributes:
        account: The name of the account.
        limits: The limits that count.
        own_limits: Those that were set for this account.
        used: What it uses.
    """

    account: str
    limits: QuotaLimits
    own_limits: QuotaLimits
    used: QuotaUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountList:
    """All accounts."""

    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Bytes of files per second to set.

    0 means no limit; ``None`` stands for the limit of the settings.

    Attributes:
        session: Of each upload.
        principal: Of all uploads of a principal.
        server: Of all uploads.
        download: Of each download.
        principal_download: Of all downloads of a principal.
        server_download: Of all downloads.
    """

    session: int | None = None
    principal: int | None = None
    server: int | None = None
    download: int | None = None
    principal_download: int | None = None
    server_download: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Bytes of files per second that count; 0 for no limit.

    Attributes:
        session: Of each upload.
        principal: Of all uploads of a principal.
        server: Of all uploads.
        download: Of each download.
        principal_download: Of all downloads of a principal.
        server_download: Of all downloads.
        changed: The names of those that were set while the server runs; the others are those
            of its settings.
    """

    session: int = 0
    principal: int = 0
    server: int = 0
    download: int = 0
    principal_download: int = 0
    server_download: int = 0
    changed: tuple[str, ...] = ()

    @property
    def limits(self) -> RateLimits:
        """Those that were set while the server runs."""
        return RateLimits(**{name: getattr(self, name) for name in self.changed})
