"""Where bytes and state live: the ports that storage plugins implement."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pdfsluice.core.models import (
    Document,
    Extent,
    Job,
    JobKind,
    JobState,
    NewDocument,
    PageText,
    Session,
    SessionState,
)

T_co = TypeVar("T_co", covariant=True)


class Blob(Protocol):
    """An open, randomly writable run of bytes. Safe for concurrent use."""

    @property
    def local_path(self) -> Path | None:
        """The file of this machine that holds the bytes, each at its offset, if there is one.

        Stage processes read it. Without one, the stages run in threads of the server, which
        use :meth:`read_into`.
        """
        ...

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``. Runs in a worker thread.

        Raises:
            StorageFull: No space or quota is left.
            StorageFailed: The storage reported an I/O error.
        """
        ...

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes were there.

        Runs in a worker thread.

        Raises:
            StorageFailed: The storage reported an I/O error.
        """
        ...

    def sync(self) -> None:
        """Make everything written so far survive what the durability setting promises.

        Runs in a worker thread.
        """
        ...

    def close(self) -> None:
        """Let go of the blob; its bytes stay. Runs in a worker thread.

        Doing so again is harmless; everything else is then refused with ``StorageFailed``.
        """
        ...


class UploadStore(Protocol):
    """Keeps the bytes of uploads and of finished documents.

    A blob is *partial* until it is published. Blob ids are the server's own
    (session ids: UUIDs in lower case); every method refuses others with ``NotFound``. So do all
    but :meth:`remove` where the blob is not where they look for it, or where they leave it.
    """

    async def create(self, blob_id: str, size: int | None) -> Blob:
        """Make an empty partial blob, reserve room for ``size`` bytes, and open it.

        Raises:
            Conflict: There is one of this id.
            StorageFull: There is no room for the file.
        """
        ...

    async def open(self, blob_id: str) -> Blob:
        """Open a partial blob."""
        ...

    def local_path(self, blob_id: str) -> AbstractAsyncContextManager[Path]:
        """Give the whole blob, partial or published, as a local file to read."""
        ...

    async def publish(self, blob_id: str) -> None:
        """Turn a partial blob into a document's; durable on return, and idempotent."""
        ...

    async def quarantine(self, blob_id: str) -> None:
        """Move a partial blob apart, where nothing reads it; idempotent."""
        ...

    async def restore(self, blob_id: str) -> None:
        """Bring a quarantined blob back as a partial one; idempotent."""
        ...

    async def remove(self, blob_id: str) -> None:
        """Delete a blob wherever it is; nothing happens where there is none."""
        ...

    async def partial_ids(self) -> Sequence[str]:
        """Name all partial blobs, for reconciliation at start-up."""
        ...

    async def concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
        """Replace the content of a partial blob by that of others, which are removed.

        Nothing is changed where one of them is not there.
        """
        ...

    async def usage(self) -> "StoreUsage":
        """Say how much room partial blobs take and how much is left."""
        ...


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """Room in an upload store.

    Attributes:
        partial_count: How many partial blobs there are.
        partial_bytes: How many bytes they occupy.
        available_bytes: How many more bytes fit.
    """

    partial_count: int
    partial_bytes: int
    available_bytes: int


class SessionStore(Protocol):
    """Keeps sessions. Every method is atomic and, on return, survives process death."""

    async def create(self, session: Session, *, most_open: int | None = None) -> None:
        """Store a new session.

        Args:
            session: The session.
            most_open: How many open ones its owner may have, with this one; counted and
                stored in one step, so that nobody gets past it by asking many times at once.

        Raises:
            Conflict: There is one of this id.
            RateLimited: It would be one too many; see ``core.uploads.lifecycle.too_many_open``,
                which makes this error.
        """
        ...

    async def get(self, session_id: str) -> Session:
        """Return a session.

        Raises:
            SessionNotFound: There is none.
        """
        ...

    async def commit(self, session_id: str, extent: Extent, now: datetime) -> None:
        """Add a committed extent; from here on the bytes exist.

        The same range again replaces its fingerprint.

        The session's ``committed`` grows by it, its ``updated_at`` becomes ``now``, and its
        ``version`` stays. Extents come in any order and at the same time.

        Raises:
            SessionNotFound: There is no such session.
        """
        ...

    async def extents(self, session_id: str) -> Sequence[Extent]:
        """Return the committed extents of a session, by start."""
        ...

    async def drop_extents(self, session_id: str, extents: Sequence[Extent]) -> None:
        """Forget extents whose stored bytes are no longer what was committed.

        One that was committed anew since, with another fingerprint, stays.
        """
        ...

    async def update(self, session: Session, **changes: Any) -> Session:
        """Store changed fields, if the stored version is still ``session.version``.

        Args:
            session: The snapshot that the change is based on.
            changes: Fields of :class:`Session`; not ``id``, ``version`` nor ``committed``.

        Returns:
            The snapshot with the changes and its new version. Its ``committed`` is that of
            the snapshot given, because commits do not wait for updates.

        Raises:
            StateConflict: Somebody else changed the session in between.
            SessionNotFound: There is no such session.
            TypeError: Something was to be changed that cannot be.
        """
        ...

    async def find(
        self,
        *,
        states: Sequence[SessionState],
        owner: str | None = None,
        client_id: str | None = None,
        expired_before: datetime | None = None,
        quarantined: bool = False,
        after: Session | None = None,
        limit: int = 1000,
    ) -> Sequence[Session]:
        """Return sessions, newest first; of the same moment, by descending id.

        Args:
            states: In which states they are.
            owner: Whose; ``None`` for everybody's.
            client_id: Which client's; ``None`` for every client's.
            expired_before: Only those whose ``expires_at`` is earlier.
            quarantined: Only those whose bytes are in quarantine.
            after: Only those that come after this one, which need not be there any more.
            limit: How many to return at most.

        Ask for ``created`` and ``uploading`` together: the first committed byte makes one the
        other without an update.
        """
        ...

    async def count(self, states: Sequence[SessionState]) -> int:
        """Return how many sessions are in one of the states."""
        ...

    async def delete(self, session_id: str) -> None:
        """Forget a session, its extents and checkpoints; nothing happens where there is none."""
        ...

    async def save_checkpoints(
        self, session_id: str, checkpoints: dict[str, tuple[int, bytes]]
    ) -> None:
        """Replace all stage checkpoints: stage name to offset and state.

        Raises:
            SessionNotFound: There is no such session.
        """
        ...

    async def checkpoints(self, session_id: str) -> dict[str, tuple[int, bytes]]:
        """Return the stage checkpoints; none where there is no such session."""
        ...


class Catalogue(Protocol):
    """Keeps documents, the text of their pages, and background jobs."""

    async def add(self, document: NewDocument, jobs: Sequence[JobKind]) -> Document:
        """Add a document and its first jobs in one transaction.

        Adding the same ``session_id`` again returns the document that is there.
        """
        ...

    async def get(self, document_id: int, *, owner: str | None) -> Document:
        """Return a document; ``owner`` is ``None`` for administrators.

        Raises:
            DocumentNotFound: There is none, or it is another owner's.
        """
        ...

    async def find_by_digest(self, sha256: str, *, owner: str) -> Document | None:
        """Return the owner's oldest document with this digest, if there is one."""
        ...

    async def list(
        self, *, owner: str | None, after: int | None = None, limit: int = 50
    ) -> tuple[Sequence[Document], int]:
        """Return documents with ids below ``after``, newest first, and how many there are.

        Args:
            owner: Whose documents; ``None`` for everybody's.
            after: The id of the last document of the page before.
            limit: How many to return at most.

        Returns:
            The documents of this page, and the number of all.
        """
        ...

    async def update(self, document_id: int, **changes: Any) -> Document:
        """Change ``title`` or ``page_count``; add to ``metadata``.

        Args:
            document_id: The document.
            changes: New values, each in place of the old one. Only ``metadata`` is merged: what
                it names is added or replaced, and everything else in it stays.

        Raises:
            DocumentNotFound: There is no such document.
            TypeError: Something else was to be changed.
        """
        ...

    async def delete(self, document_id: int) -> None:
        """Delete a document with its pages and jobs; nothing happens where there is none.

        Its id is never given again: an index may still know it.
        """
        ...

    async def save_pages(self, document_id: int, pages: Sequence[PageText]) -> None:
        """Store the text of pages, replacing earlier text of the same pages; others stay.

        Raises:
            DocumentNotFound: There is no such document.
        """
        ...

    def pages(self, document_id: int) -> AsyncIterator[PageText]:
        """Yield the text of all pages, in order; none where there is no such document."""
        ...

    async def enqueue(self, document_id: int, kind: JobKind) -> Job:
        """Add a job, or return the one of this kind that has not ended yet.

        Raises:
            DocumentNotFound: There is no such document.
        """
        ...

    async def claim(self) -> tuple[Job, Document] | None:
        """Mark the oldest queued job as running and return it with its document.

        Counts the attempt. Two callers never get the same job; ``None`` where none is queued.
        """
        ...

    async def report(self, job_id: int, *, state: JobState, progress: float, message: str) -> None:
        """Store how a job stands; nothing happens where it is gone with its document."""
        ...

    async def jobs(self, document_id: int) -> Sequence[Job]:
        """Return the jobs of a document, oldest first; none where there is no document."""
        ...

    async def requeue_running(self) -> int:
        """Queue again what a dead process left running; returns how many."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStoreSpec:
    """Registers an upload store.

    Attributes:
        open: Opens the store; called once, if the settings choose it.
    """

    name: str
    open: "Opener[UploadStore]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStoreSpec:
    """Registers a session store.

    Attributes:
        open: Opens the store; called once, if the settings choose it.
    """

    name: str
    open: "Opener[SessionStore]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueSpec:
    """Registers a document catalogue.

    Attributes:
        open: Opens the catalogue; called once, if the settings choose it.
    """

    name: str
    open: "Opener[Catalogue]"


class Opener(Protocol[T_co]):
    """Opens a long-lived object as an async context manager."""

    def __call__(self) -> AbstractAsyncContextManager[T_co]:
        """Return the context; entering it yields the object."""
        ...
