"""A document catalogue in memory, for tests."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Unpack

from pdfsluice.core.errors import DocumentNotFound
from pdfsluice.core.models.document_filter import DocumentFilter
from pdfsluice.core.models.documents import Document, NewDocument, PageText, TextSource
from pdfsluice.core.models.findings import with_findings
from pdfsluice.core.models.jobs import Job, JobKind, JobState
from pdfsluice.core.plugins.ports.catalogue import DocumentChanges

_OPEN = frozenset({JobState.QUEUED, JobState.RUNNING})


def _is_due(job: Job, now: datetime) -> bool:
    return job.state is JobState.QUEUED and (job.retry_at is None or job.retry_at <= now)


class MemoryCatalogue:
    """A catalogue of documents, pages and jobs in memory."""

    def __init__(self) -> None:
        self._documents: dict[int, Document] = {}
        self._pages: dict[int, dict[int, PageText]] = {}
        self._jobs: dict[int, Job] = {}
        self._last_document = 0
        self._last_job = 0

    async def add(
        self,
        document: NewDocument,
        jobs: Sequence[JobKind],
        *,
        unique: bool = False,
        importers: Mapping[str, bool] = MappingProxyType({}),
    ) -> Document:
        """Add a document and its first jobs, once for each session."""
        for other in self._documents.values():
            if other.session_id == document.session_id:
                return other
        newest = self._newest(document.lineage)
        if unique and document.sha256:
            same = newest
            if document.lineage is None:
                same = await self.find_by_digest(document.sha256, owner=document.owner)
            if same is not None and same.sha256 == document.sha256:
                return same
        values = {field.name: getattr(document, field.name) for field in fields(NewDocument)}
        self._last_document += 1
        new = Document(id=self._last_document, **{**values, "lineage": None})
        if newest is not None:
            lineage = newest.lineage or newest.id
            new = replace(new, lineage=lineage, version=newest.version + 1)
            self._documents[newest.id] = replace(newest, lineage=lineage, replaced_by=new.id)
        self._documents[new.id] = new
        for kind in jobs:
            separate = importers if kind is JobKind.IMPORT and importers else {"": True}
            for importer, required in separate.items():
                await self.enqueue(new.id, kind, importer=importer, required=required)
        return new

    def _newest(self, lineage: int | None) -> Document | None:
        members = [
            each
            for each in self._documents.values()
            if lineage in {each.lineage, each.id} and each.replaced_by is None
        ]
        return None if lineage is None or not members else members[-1]

    async def get(self, document_id: int, *, owner: str | None) -> Document:
        """Return a document; ``owner`` is ``None`` for administrators."""
        document = self._find(document_id)
        if owner not in {None, document.owner}:
            raise DocumentNotFound(f"There is no document {document_id}.")
        return document

    async def get_many(
        self, document_ids: Collection[int], *, owner: str | None
    ) -> Mapping[int, Document]:
        """Return documents by their ids; missing ones and those of others are left out."""
        pairs = ((key, self._documents.get(key)) for key in document_ids)
        return {key: each for key, each in pairs if each and owner in {None, each.owner}}

    async def find_by_digest(self, sha256: str, *, owner: str) -> Document | None:
        """Return the owner's oldest document with this digest, if there is one."""
        for document in self._documents.values():
            if (document.sha256, document.owner, document.replaced_by) == (sha256, owner, None):
                return document
        return None

    async def list(
        self,
        *,
        owner: str | None,
        after: int | None = None,
        limit: int = 50,
        replaced: bool = False,
    ) -> tuple[Sequence[Document], int]:
        """Return documents with ids below ``after``, newest first, and how many there are."""
        visible = [
            document
            for document in reversed(self._documents.values())
            if owner in {None, document.owner} and (replaced or document.replaced_by is None)
        ]
        page = [document for document in visible if after is None or document.id < after]
        return page[:limit], len(visible)

    async def update(self, document_id: int, **changes: Unpack[DocumentChanges]) -> Document:
        """Change ``title``, ``page_count`` or ``tags``; add to ``metadata``."""
        if forbidden := changes.keys() - DocumentChanges.__annotations__.keys():
            raise TypeError(f"not changeable: {', '.join(sorted(forbidden))}")
        document = self._find(document_id)
        values: dict[str, Any] = {**changes}
        if "metadata" in values:
            values["metadata"] = {**document.metadata, **values["metadata"]}
        if "findings" in values:
            values["findings"] = with_findings(document.findings, values["findings"])
        if "decision" in values:
            values["decision"] = max(document.decision, values["decision"])
        if "tags" in values:
            values["tags"] = tuple(values["tags"])
        self._documents[document_id] = replace(document, **values)
        return self._documents[document_id]

    async def find(self, wanted: DocumentFilter, *, owner: str | None) -> Sequence[int]:
        """Return the ids of the documents that a filter accepts, ascending."""
        return [
            document.id
            for document in self._documents.values()
            if owner in {None, document.owner}
            and document.replaced_by is None
            and (wanted.documents is None or document.id in wanted.documents)
            and wanted.accepts(
                title=document.title,
                filename=document.filename,
                tags=document.tags,
                created_at=document.created_at,
                metadata=document.metadata,
            )
        ]

    async def delete(self, document_id: int) -> None:
        """Delete a document with its pages and jobs."""
        deleted = self._documents.pop(document_id, None)
        self._pages.pop(document_id, None)
        for other in self._documents.values():
            if deleted is not None and other.replaced_by == document_id:
                self._documents[other.id] = replace(other, replaced_by=deleted.replaced_by)
        for job in await self.jobs(document_id):
            del self._jobs[job.id]

    async def versions(self, lineage: int, *, owner: str | None) -> Sequence[Document]:
        """Return all versions with a lineage, the newest first."""
        members = (each for each in self._documents.values() if each.lineage == lineage)
        versions = [each for each in members if owner in {None, each.owner}]
        return sorted(versions, key=lambda each: -each.version)

    async def lineages(self, more_than: int) -> Sequence[int]:
        """Return the lineages with more than a number of versions."""
        counts = Counter(each.lineage for each in self._documents.values())
        return [key for key, count in counts.items() if key is not None and count > more_than]

    async def retired(self) -> Sequence[Document]:
        """Return the replaced documents that have index jobs."""
        indexed = {job.document_id for job in self._jobs.values() if job.kind is JobKind.INDEX}
        documents = self._documents.values()
        return [each for each in documents if each.replaced_by is not None and each.id in indexed]

    async def forget_index(self, document_id: int) -> None:
        """Delete the index jobs of a document, except a running one."""
        for job in await self.jobs(document_id):
            if job.kind is JobKind.INDEX and job.state is not JobState.RUNNING:
                del self._jobs[job.id]

    async def save_pages(self, document_id: int, pages: Sequence[PageText]) -> None:
        """Store the text of pages."""
        self._find(document_id)
        self._pages.setdefault(document_id, {}).update({page.number: page for page in pages})

    async def pages(self, document_id: int) -> AsyncIterator[PageText]:
        """Yield the text of all pages, in order."""
        for _, page in sorted(self._pages.get(document_id, {}).items()):
            yield replace(page, layout=b"")

    async def pages_at(
        self, places: Collection[tuple[int, int]]
    ) -> Mapping[tuple[int, int], PageText]:
        """Return single pages with their layouts; missing ones are left out."""
        return {
            (document_id, number): self._pages[document_id][number]
            for document_id, number in places
            if number in self._pages.get(document_id, {})
        }

    async def pages_without_text(self, document_id: int) -> Mapping[int, TextSource]:
        """Return the pages whose source is ``none`` or ``ocr``, by ascending number."""
        return {
            number: page.source
            for number, page in sorted(self._pages.get(document_id, {}).items())
            if page.source is not TextSource.TEXT
        }

    async def enqueue(
        self, document_id: int, kind: JobKind, *, importer: str = "", required: bool = True
    ) -> Job:
        """Add a job, or return the one of this kind and importer that has not ended yet."""
        self._find(document_id)
        for job in await self.jobs(document_id):
            if (job.kind, job.importer) == (kind, importer) and job.state in _OPEN:
                self._jobs[job.id] = replace(job, retry_at=None)
                return self._jobs[job.id]
        self._last_job += 1
        job = Job(
            id=self._last_job,
            document_id=document_id,
            kind=kind,
            state=JobState.QUEUED,
            importer=importer,
            required=required,
        )
        self._jobs[job.id] = job
        return job

    async def claim(
        self,
        *,
        kinds: Collection[JobKind] = tuple(JobKind),
        passing_over: Collection[str] = (),
        last: Collection[str] = (),
    ) -> tuple[Sequence[Job], Document] | None:
        """Claim the oldest job that is due, and the untried imports of the same document."""
        now = datetime.now(UTC)
        due = []
        for job in self._jobs.values():
            owner = self._documents[job.document_id].owner
            wanted = job.kind in kinds and owner not in passing_over and _is_due(job, now)
            if wanted and not self._waits(job, now):
                due.append((owner in last, job.id))
        if not due:
            return None
        first = self._jobs[min(due)[1]]
        siblings = await self.jobs(first.document_id)
        jobs = [first]
        if first.kind is JobKind.IMPORT and first.attempts == 0:
            jobs += [
                each
                for each in siblings
                if each.kind is JobKind.IMPORT
                and each.id != first.id
                and each.attempts == 0
                and _is_due(each, now)
            ]
        waits = any(each.kind is JobKind.INDEX and each.state in _OPEN for each in siblings)
        claimed = [replace(self._start(each), index_waits=waits) for each in jobs]
        return claimed, self._documents[first.document_id]

    def _waits(self, job: Job, now: datetime) -> bool:
        """Return whether other imports of the document come before a job."""
        imports = [
            other
            for other in self._jobs.values()
            if other.document_id == job.document_id
            and other.kind is JobKind.IMPORT
            and other.state in _OPEN
        ]
        if any(other.state is JobState.RUNNING for other in imports):
            return True
        if job.kind is not JobKind.IMPORT:
            return any(other.attempts == 0 or other.required for other in imports)
        return any(other.id < job.id and _is_due(other, now) for other in imports)

    def _start(self, job: Job) -> Job:
        self._jobs[job.id] = replace(job, state=JobState.RUNNING, attempts=job.attempts + 1)
        return self._jobs[job.id]

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
        """Store how a job stands."""
        if job_id in self._jobs:
            job = self._jobs[job_id]
            self._jobs[job_id] = replace(
                job,
                state=state,
                progress=progress,
                message=message,
                attempts=job.attempts if counted else job.attempts - 1,
                retry_at=retry_at,
            )

    async def jobs(self, document_id: int) -> Sequence[Job]:
        """Return the jobs of a document, oldest first."""
        return [job for job in self._jobs.values() if job.document_id == document_id]

    async def jobs_of(self, document_ids: Sequence[int]) -> Mapping[int, Sequence[Job]]:
        """Return the jobs of several documents, oldest first."""
        return {document_id: await self.jobs(document_id) for document_id in document_ids}

    async def requeue_running(self, *, own: bool = True) -> int:
        """Queue again the running jobs: there is no other node."""
        running = [job for job in self._jobs.values() if own and job.state is JobState.RUNNING]
        for job in running:
            self._jobs[job.id] = replace(job, state=JobState.QUEUED, progress=0.0)
        return len(running)

    def _find(self, document_id: int) -> Document:
        if document_id not in self._documents:
            raise DocumentNotFound(f"There is no document {document_id}.")
        return self._documents[document_id]
