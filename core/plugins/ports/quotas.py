"""The port of quotas: what accounts may use, and what they use.

A session store that counts for accounts has an attribute ``quotas``. Counting is part of the
steps that change what is counted: creating and ending a session, adding and deleting a document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

DEFAULT_ACCOUNT = "*"
"""Its limits count for every account that has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """What an account may use; ``None`` for the default limit, if there is one.

    Attributes:
        stored_bytes: Bytes of documents, and of unfinished uploads at their full size.
        reserved_bytes: Bytes of unfinished uploads at their full size.
        metadata_bytes: Bytes of titles and metadata of uploads, also ended ones whose record is
            kept, and of documents.
        open_uploads: Unfinished uploads.
        documents: Documents, and unfinished uploads, which may become some.
        uploads_per_day: Uploads begun since midnight (UTC).
        ocr_pages_per_day: Pages that OCR reads since midnight (UTC).
        connections: Requests and WebSockets at the same time; each server process counts its own.
    """

    stored_bytes: int | None = None
    reserved_bytes: int | None = None
    metadata_bytes: int | None = None
    open_uploads: int | None = None
    documents: int | None = None
    uploads_per_day: int | None = None
    ocr_pages_per_day: int | None = None
    connections: int | None = None

    def or_else(self, default: "QuotaLimits") -> "QuotaLimits":
        """Return these limits, completed by the default ones."""
        names = [field.name for field in fields(self)]
        own = {name: getattr(self, name) for name in names}
        return QuotaLimits(
            **{name: getattr(default, name) if own[name] is None else own[name] for name in names}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """What an account uses.

    Attributes:
        stored_bytes: Bytes of its documents.
        reserved_bytes: Bytes of its unfinished uploads at their full size.
        metadata_bytes: Bytes of titles and metadata of its uploads and documents.
        open_uploads: Its unfinished uploads.
        documents: Its documents.
        uploads_today: Uploads that it has begun since midnight (UTC).
        ocr_pages_today: Pages that OCR has read for it since midnight (UTC).
    """

    stored_bytes: int = 0
    reserved_bytes: int = 0
    metadata_bytes: int = 0
    open_uploads: int = 0
    documents: int = 0
    uploads_today: int = 0
    ocr_pages_today: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaAccount:
    """An account with its limits.

    Attributes:
        name: A tenant (``tenant:NAME``), a principal, or :data:`DEFAULT_ACCOUNT`.
        own: The limits that were set for it.
        limits: The limits that count: its own, or the default ones.
        usage: What it uses.
    """

    name: str
    own: QuotaLimits
    limits: QuotaLimits
    usage: QuotaUsage


class Quotas(Protocol):
    """Limits and usage of accounts. Every method is atomic."""

    async def account(self, name: str) -> QuotaAccount:
        """Return an account; one that was never used has no limits of its own."""
        ...

    async def accounts(self) -> Sequence[QuotaAccount]:
        """Return all accounts that are used or have limits, by name."""
        ...

    async def set_limits(self, name: str, limits: QuotaLimits) -> QuotaAccount:
        """Replace the limits of an account; they count from the next upload on."""
        ...

    async def connection_limits(self) -> Mapping[str, int]:
        """Return the limits of connections that were set, by account.

        Among them is that of :data:`DEFAULT_ACCOUNT`, if there is a default limit.
        """
        ...

    async def take_ocr_page(self, document_id: int) -> None:
        """Count a page of a document that OCR is about to read.

        Raises:
            QuotaExceeded: The account of the document has no page left today.
        """
        ...

    async def recount(self) -> Sequence[str]:
        """Count the usage of all accounts again; return those whose usage was wrong."""
        ...


@runtime_checkable
class HasQuotas(Protocol):
    """A session store that counts for accounts."""

    @property
    def quotas(self) -> Quotas:
        """The accounts."""
        ...
