"""The port of document catalogues: documents, the text of their pages, and jobs."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol, TypedDict, Unpack, runtime_checkable

from pdfsluice.core.models.document_filter import DocumentFilter
from pdfsluice.core.models.documents import Document, NewDocument, PageText, TextSource
from pdfsluice.core.models.findings import Decision, Finding
from pdfsluice.core.models.jobs import Job, JobKind, JobState
from pdfsluice.core.models.sessions import Session

from .opening import Opener
from .sessions import SessionChanges, SessionStore


class DocumentChanges(TypedDict, total=False):
    """What an update of a document may change."""

    title: str
    page_count: int | None
    metadata: Mapping[str, str]
    tags: Sequence[str]
    findings: Sequence[Finding]
    decision: Decision


class Catalogue(Protocol):
    """A store of documents, the text of their pages, and background jobs.

    On return, :meth:`add` and :meth:`delete` survive a power cut whatever the durability
    setting is; everything else survives process death.
    """

    async def add(
        self,
        document: NewDocument,
        jobs: Sequence[JobKind],
        *,
        unique: bool = False,
        importers: Mapping[str, bool] = MappingProxyType({}),
    ) -> Document:
        """Add a document and its first jobs in one transaction.

        Adding the same ``session_id`` again returns the document that is there.

        Args:
            document: The document.
            jobs: The jobs to queue with it.
            unique: Whether a document of the same owner with the same digest takes its place.
                The look-up and the insertion are one atomic step: of simultaneous calls with
                equal digests one adds a document, and the others return it.
            importers: The importers for each of which an import job is queued, in this order,
                and whether each is required. Without any, one job is queued.

        Returns:
            The document; its ``session_id`` is another one if it was there before.
        """
        ...

    async def get(self, document_id: int, *, owner: str | None) -> Document:
        """Return a document; ``owner`` is ``None`` for administrators.

        Raises:
            DocumentNotFound: There is none, or it belongs to another owner.
        """
        ...

    async def get_many(
        self, document_ids: Collection[int], *, owner: str | None
    ) -> Mapping[int, Document]:
        """Return documents by their ids; missing ones and those of others are left out."""
        ...

    async def find_by_digest(self, sha256: str, *, owner: str) -> Document | None:
        """Return the owner's oldest document with this digest, if there is one."""
        ...

    async def list(
        self, *, owner: str | None, after: int | None = None, limit: int = 50
    ) -> tuple[Sequence[Document], int]:
        """Return documents with ids below ``after``, newest first, and the number of all.

        Args:
            owner: The owner; ``None`` for all owners.
            after: The id of the last document of the page before.
            limit: How many to return at most.

        Returns:
            The documents of this page, and how many there are on all pages.
        """
        ...

    async def update(self, document_id: int, **changes: Unpack[DocumentChanges]) -> Document:
        """Change ``title``, ``page_count``, ``tags``; add findings, metadata.

        Args:
            document_id: The document.
            changes: New values, each in place of the old one. ``metadata`` is merged: what
                it names is added or replaced, and everything else in it stays. ``findings`` are
                added; they replace those of the same kind and stage. ``decision`` is raised,
                never lowered.

        Raises:
            DocumentNotFound: There is no such document.
            TypeError: Another field was to be changed.
        """
        ...

    async def find(self, wanted: DocumentFilter, *, owner: str | None) -> Sequence[int]:
        """Return the ids of the documents that a filter accepts, ascending.

        Args:
            wanted: The conditions.
            owner: The owner; ``None`` for all owners.
        """
        ...

    async def delete(self, document_id: int) -> None:
        """Delete a document with its pages and jobs; a missing one is no error.

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
        """Yield the text of all pages, in order; none if there is no such document.

        Without layouts, which :meth:`pages_at` returns.
        """
        ...

    async def pages_at(
        self, places: Collection[tuple[int, int]]
    ) -> Mapping[tuple[int, int], PageText]:
        """Return single pages with their layouts, in one query; missing ones are left out.

        Args:
            places: Ids of documents and numbers of their pages.
        """
        ...

    async def pages_without_text(self, document_id: int) -> Mapping[int, TextSource]:
        """Return the pages whose source is ``none`` or ``ocr``, by ascending number.

        Empty if there is no such document.
        """
        ...

    async def enqueue(
        self, document_id: int, kind: JobKind, *, importer: str = "", required: bool = True
    ) -> Job:
        """Add a job, or return the one of this kind and importer that has not ended yet.

        A job that waits to be tried again is due immediately.

        Raises:
            DocumentNotFound: There is no such document.
        """
        ...

    async def claim(
        self,
        *,
        kinds: Collection[JobKind] = tuple(JobKind),
        passing_over: Collection[str] = (),
        last: Collection[str] = (),
    ) -> tuple[Sequence[Job], Document] | None:
        """Claim the oldest queued job that is due for this node, with its document.

        If it is the first attempt of an import, the other import jobs of the document that
        have not been tried yet are claimed with it, oldest first. Counts the attempts. Two
        callers never get the same job; ``None`` if none is due.

        One caller at a time works on the imports of a document, and on the oldest that are due.
        Index and OCR jobs wait for running imports, for those that have not been tried, and for
        those that are required. They do not wait for each other.

        Args:
            kinds: The kinds of jobs to choose from.
            passing_over: Owners whose documents are left out.
            last: Owners whose jobs are chosen only if no other owner has one.

        Returns:
            The job and its document. ``index_waits`` of the job is set if an index job of the
            document is open.
        """
        ...

    async def report(
        self,
        job_id: int,
        *,
        state: JobState,
        progress: float,
        message: str,
        counted: bool = True,
        retry_at: datetime | None = None,
    ) -> None:
        """Store the state of a job; one that was deleted with its document is no error.

        Args:
            job_id: The job.
            state: Its new state.
            progress: Share done, 0 to 1.
            message: What it is doing, or how it ended.
            counted: Whether the attempt counts; if not, the number of attempts is one less.
            retry_at: When a queued job is due (UTC); immediately if not given.
        """
        ...

    async def jobs(self, document_id: int) -> Sequence[Job]:
        """Return the jobs of a document, oldest first; none if there is no document."""
        ...

    async def jobs_of(self, document_ids: Sequence[int]) -> Mapping[int, Sequence[Job]]:
        """Return the jobs of several documents in one query, oldest first.

        Every id asked for is a key.
        """
        ...

    async def requeue_running(self, *, own: bool = True) -> int:
        """Queue again the running jobs of nodes that are not live.

        Args:
            own: Whether those of this node are queued again as well.

        Returns:
            How many there were.
        """
        ...


@runtime_checkable
class VersionedCatalogue(Catalogue, Protocol):
    """Further methods of a :class:`Catalogue` that keeps versions of documents.

    Each version is a document. A document that :meth:`Catalogue.add` adds with a ``lineage``
    becomes the version after the newest of that lineage: in the same transaction the newest gets
    its id as ``replaced_by``. If none of the lineage is left, the document begins one of its own,
    without ``lineage``. With ``unique``, it is compared with the newest version alone.

    :meth:`Catalogue.find`, :meth:`Catalogue.find_by_digest` and, by default, :meth:`list` leave
    replaced documents out. :meth:`Catalogue.delete` links the version before a deleted one with the
    one after it, so that the one before the newest is the newest again.
    """

    async def list(
        self,
        *,
        owner: str | None,
        after: int | None = None,
        limit: int = 50,
        replaced: bool = False,
    ) -> tuple[Sequence[Document], int]:
        """Return documents as :meth:`Catalogue.list` does.

        Args:
            owner: The owner; ``None`` for all owners.
            after: The id of the last document of the page before.
            limit: How many to return at most.
            replaced: Whether documents that were replaced are returned and counted, too.
        """
        ...

    async def versions(self, lineage: int, *, owner: str | None) -> Sequence[Document]:
        """Return all versions with a lineage, the newest first; none if there are none."""
        ...

    async def lineages(self, more_than: int) -> Sequence[int]:
        """Return the lineages with more than a number of versions."""
        ...

    async def retired(self) -> Sequence[Document]:
        """Return some replaced documents that have index jobs, those with low ids first.

        They may be in the index, from which they have to be removed.
        """
        ...

    async def forget_index(self, document_id: int) -> None:
        """Delete the index jobs of a document, except a running one."""
        ...


@runtime_checkable
class CompletingCatalogue(Catalogue, Protocol):
    """Further methods of a :class:`Catalogue` that also has the rows of sessions."""

    def shares(self, sessions: SessionStore) -> bool:
        """Return whether one transaction can change both stores."""
        ...

    async def complete(
        self,
        session: Session,
        document: NewDocument,
        jobs: Sequence[JobKind],
        *,
        changes: SessionChanges,
        unique: bool = False,
        importers: Mapping[str, bool] = MappingProxyType({}),
    ) -> tuple[Document, Session]:
        """Add a document as :meth:`Catalogue.add` does, and complete its session.

        Both happen in one transaction, and only while the session is being imported: a node
        that was stopped and wakes up adds no document to an upload that has ended meanwhile.

        Args:
            session: The snapshot; its stored version must be the same.
            document: The document.
            jobs: The jobs to queue with it.
            changes: The new values of the session. Its ``document_id`` becomes that of the
                document.
            unique: As of :meth:`Catalogue.add`.
            importers: As of :meth:`Catalogue.add`.

        Returns:
            The document, and the session with the changes. If the document is that of
            another session, nothing was changed.

        Raises:
            StateConflict: The session is not being imported, or was changed.
            SessionNotFound: There is no such session.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueSpec:
    """Descriptor of a document catalogue.

    Attributes:
        open: Opens the catalogue; called once, if the settings choose it.
    """

    name: str
    open: Opener[Catalogue]
