"""Creates uploads: checks what a client announces, and stores the session."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pdfsluice.config import Settings, format_size
from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.errors import DuplicateDocument, ProtocolError, SizeExceeded
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.sessions import Principal, Protocol, Session
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.ports.stores import (
    Blob,
    Catalogue,
    SessionStore,
    UploadStore,
)
from pdfsluice.core.text import clean_name, without_invisible

from .completing.opaque import admit, checked_encryption
from .completing.replacing import document_to_replace
from .lifecycle import expiry
from .limits.shares import SpaceShares

_MIB = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_MAX_FILENAME = 255
_MAX_METADATA = 64
_MAX_SOFTWARE = 64
_MAX_METADATA_TEXT = 4096
_SMALL_FILE, _SMALL_CHUNK = 10 * _MIB, 2 * _MIB
_MEDIUM_FILE, _MEDIUM_CHUNK = 100 * _MIB, 8 * _MIB
_MIN_CHUNK = 64 * 1024
_MAX_CHUNKS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """What a client announces when it opens an upload.

    Attributes:
        filename: The client's name for the file; for display, never for a path.
        total_size: Size in bytes; ``None`` if the protocol may announce it later.
        chunk_size: The chunk size that the client asks for; the server decides.
        expected_digest: SHA-256 of the file in hexadecimal, if the client knows it.
        partial: Whether this is a part for a later concatenation.
        software: Name and version of the program, as its ``User-Agent`` names it.
        encryption: How the client encrypted the file: ``age``, or empty if it did not.
        replaces: The document of which the file is a new version.
    """

    filename: str
    total_size: int | None
    client_id: str = ""
    chunk_size: int | None = None
    title: str = ""
    check_duplicates: bool = True
    auto_build_index: bool = False
    expected_digest: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    protocol: Protocol = Protocol.REST
    partial: bool = False
    software: str = ""
    encryption: str = ""
    replaces: int | None = None


class Initiator:
    """The creation of uploads, for all principals."""

    def __init__(
        self,
        settings: Settings,
        sessions: SessionStore,
        uploads: UploadStore,
        catalogue: Catalogue,
        files: DocumentFiles,
        *,
        policy: Policy,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._uploads = uploads
        self._catalogue = catalogue
        self._shares = SpaceShares(settings, sessions, uploads)
        self._files = files
        self._policy = policy

    async def open(self, principal: Principal, initiation: Initiation) -> tuple[Session, Blob]:
        """Check an announcement, store the session and reserve space for the file.

        Not to be cancelled half-way, or the blob would stay open. A crash in between leaves
        a session without bytes, which starts from nothing when it is opened.

        Returns:
            The session, and its bytes, open.

        Raises:
            PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.initiate`.
        """
        check_size(initiation.total_size, self._settings)
        digest = checked_digest(initiation.expected_digest)
        replaced = None
        if initiation.replaces is not None:
            replaced = await document_to_replace(
                self._catalogue, principal, initiation.replaces, digest
            )
        if digest is not None and initiation.check_duplicates:
            await self._refuse_duplicate(digest, principal, replaced)
        session = admit(_new_session(principal, initiation, digest, self._settings), self._policy)
        if replaced is not None:
            lineage = replaced.lineage or replaced.id
            session = replace(session, replaces=replaced.id, lineage=lineage)
        async with self._shares.claim(principal, initiation.total_size):
            await self._sessions.create(session, most_open=self._settings.max_sessions)
            try:
                blob = await self._uploads.create(session.id, session.total_size)
            except BaseException:
                await self._sessions.delete(session.id)
                raise
        return session, blob

    async def _refuse_duplicate(
        self, digest: str, principal: Principal, replaced: Document | None
    ) -> None:
        """Refuse a file that is there; a new version is compared with the newest alone."""
        document = replaced if replaced is not None and replaced.sha256 == digest else None
        if replaced is None:
            document = await self._catalogue.find_by_digest(digest, owner=principal.id)
        if document is not None and (await self._files.available([document]))[document.id]:
            raise DuplicateDocument(
                f"this file is already there as {document.title!r}",
                hint="Use that document, or upload with check_duplicates set to false.",
                details={"document_id": document.id},
            )


def check_size(size: int | None, settings: Settings) -> None:
    """Check the size of a file, as far as it is known.

    Raises:
        ProtocolError: The file is empty.
        SizeExceeded: The file is larger than allowed.
    """
    if size is not None and size <= 0:
        raise ProtocolError("the file is empty", hint="Send a file of at least one byte.")
    if size is not None and size > settings.max_file_size:
        raise SizeExceeded(
            f"the file has {format_size(size)}; {format_size(settings.max_file_size)} are allowed",
            hint="Ask the operator of the server to raise max_file_size.",
            details={"max_file_size": int(settings.max_file_size)},
        )


def settle_chunk_size(total_size: int | None, preference: int | None, settings: Settings) -> int:
    """Choose the chunk size: small files have small chunks; clients may ask for less."""
    size = min(preference or int(settings.chunk_size), int(settings.max_chunk_size))
    if total_size is not None and total_size < _SMALL_FILE:
        size = min(size, _SMALL_CHUNK)
    elif total_size is not None and total_size < _MEDIUM_FILE:
        size = min(size, _MEDIUM_CHUNK)
    return max(size, _MIN_CHUNK, -(-(total_size or 0) // _MAX_CHUNKS))


def _new_session(
    principal: Principal, initiation: Initiation, digest: str | None, settings: Settings
) -> Session:
    now = datetime.now(UTC)
    session = Session(
        id=str(uuid.uuid4()),
        owner=principal.id,
        client_id=without_invisible(initiation.client_id)[:_MAX_FILENAME],
        software=product(initiation.software),
        encryption=checked_encryption(initiation.encryption),
        filename=display_name(initiation.filename),
        title=clean_name(initiation.title, _MAX_METADATA_TEXT),
        total_size=initiation.total_size,
        chunk_size=settle_chunk_size(initiation.total_size, initiation.chunk_size, settings),
        protocol=initiation.protocol,
        created_at=now,
        updated_at=now,
        expires_at=now,
        expected_digest=digest,
        check_duplicates=initiation.check_duplicates,
        auto_build_index=initiation.auto_build_index,
        metadata=_checked_metadata(initiation.metadata),
        partial=initiation.partial,
        account=principal.account if principal.tenant else "",
        reserved=initiation.total_size or 0,
    )
    return session.changed(expires_at=expiry(session, settings))


def checked_digest(text: str | None) -> str | None:
    """Return a SHA-256 in lower-case hexadecimal; ``None`` if there is none.

    Raises:
        ProtocolError: It is not a SHA-256 in hexadecimal.
    """
    if not text:
        return None
    if not _SHA256.fullmatch(text):
        raise ProtocolError("expected_hash is not a SHA-256 in hexadecimal (64 digits)")
    return text.lower()


def display_name(filename: str) -> str:
    """Reduce a client's filename to its printable last part, for display only."""
    last = re.split(r"[/\\]", filename)[-1]
    return clean_name(last, _MAX_FILENAME).lstrip(".") or "document.pdf"


def product(user_agent: str) -> str:
    """Return the first product of a ``User-Agent`` (RFC 9110, 10.1.5).

    Browsers are one product.
    """
    first = without_invisible(user_agent).split(" ", 1)[0][:_MAX_SOFTWARE]
    return "browser" if first.startswith("Mozilla/") else first


def _checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    if len(metadata) > _MAX_METADATA:
        raise ProtocolError(f"more than {_MAX_METADATA} metadata entries")
    return {
        without_invisible(key)[:_MAX_FILENAME]: without_invisible(value)[:_MAX_METADATA_TEXT]
        for key, value in metadata.items()
    }
