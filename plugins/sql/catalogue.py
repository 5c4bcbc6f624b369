"""The document catalogue ``sql``."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Unpack

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    select,
    update,
)

from pdfsluice.core import (
    Document,
    DocumentChanges,
    DocumentFilter,
    DocumentNotFound,
    Job,
    JobKind,
    JobState,
    NewDocument,
    PageText,
    TextSource,
)

from . import counting
from .database import Database
from .encoding import (
    body_with,
    clean,
    document_row,
    read_document,
    read_job,
    to_json,
    to_micros,
)
from .job_statements import (
    ADD_JOB,
    CLAIM_OTHERS,
    CLAIMED,
    INSERT_JOB,
    JOBS,
    JOBS_OF,
    MAKE_DUE,
    OPEN_JOB,
    REPORT,
    claim_oldest,
    new_job,
)
from .live import live_nodes
from .prepared import AnyRow, Prepared
from .reading import (
    MAX_ID,
    find_documents,
    read_documents,
    read_next_pages,
    read_pages_at,
    read_pages_without_text,
)
from .schema import documents, jobs, nodes, pages

_DIGEST_LOCK = 0x70646664  # seed of the hash, so that no other lock has the same key

_by_id = Prepared(select(documents).where(documents.c.id == bindparam("document")))
_by_session = Prepared(select(documents).where(documents.c.session_id == bindparam("session")))
_by_digest = Prepared(
    select(documents)
    .where(documents.c.owner == bindparam("owner"), documents.c.sha256 == bindparam("sha256"))
    .order_by(documents.c.id)
    .limit(1)
)
_lock_digest = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key"), _DIGEST_LOCK))
)


class SqlCatalogue:
    """Keeps documents, the text of their pages, and jobs in an SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add = Prepared(
            database.insert(documents)
            .on_conflict_do_nothing(index_elements=["session_id"])
            .returning(*documents.c),
            columns=[column.name for column in documents.c if column.name != "id"],
        )
        statement = database.insert(pages)
        self._save_page = Prepared(
            statement.on_conflict_do_update(
                index_elements=["document_id", "number"],
                set_={
                    name: getattr(statement.excluded, name) for name in ("text", "layout", "source")
                },
            )
        )

    async def add(
        self,
        document: NewDocument,
        jobs: Sequence[JobKind],
        *,
        unique: bool = False,
        importers: Mapping[str, bool] = MappingProxyType({}),
    ) -> Document:
        """Add a document and its first jobs, once for each ``session_id``.

        SQLite has one writer, so that the look-up of the digest and the insertion are one
        step; on PostgreSQL a lock on owner and digest makes them one.
        """
        row = document_row(document)

        def operation(connection: Connection) -> Document:
            if unique and document.sha256:
                existing = self._existing(connection, document)
                if existing is not None:
                    return read_document(existing)
            row["account"] = counting.account_of_document(connection, document)
            new_row = self._add.run(connection, row).one_or_none()
            if new_row is None:
                earlier = _by_session.run(connection, {"session": document.session_id})
                return read_document(earlier.one())
            counting.count_document(connection, row["account"], document.file_size, number=1)
            rows = []
            for kind in dict.fromkeys(jobs):
                separate = importers if kind is JobKind.IMPORT and importers else {"": True}
                for importer, required in separate.items():
                    rows.append(new_job(new_row.id, kind, importer, required=required))
            ADD_JOB.run_many(connection, rows)
            return read_document(new_row)

        return await self._database.write(operation, durable=True)

    def _existing(self, connection: Connection, document: NewDocument) -> AnyRow | None:
        """Return the session's document, or else the oldest one with the same digest."""
        if self._database.postgresql:
            key = f"{document.owner} {document.sha256}"
            connection.execute(_lock_digest, {"key": key})
        own = _by_session.run(connection, {"session": document.session_id}).one_or_none()
        if own is not None:
            return own
        values = {"owner": document.owner, "sha256": document.sha256}
        return _by_digest.run(connection, values).one_or_none()

    async def get(self, document_id: int, *, owner: str | None) -> Document:
        """Return a document; ``owner`` is ``None`` for administrators."""
        row = await self._database.read(lambda connection: _find(connection, document_id))
        if row is None or owner not in {None, row.owner}:
            raise _not_found(document_id)
        return read_document(row)

    async def get_many(
        self, document_ids: Collection[int], *, owner: str | None
    ) -> Mapping[int, Document]:
        """Return documents by their ids; missing ones and those of others are left out."""
        return await self._database.read(lambda reader: read_documents(reader, document_ids, owner))

    async def find_by_digest(self, sha256: str, *, owner: str) -> Document | None:
        """Return the owner's oldest document with this digest, if there is one."""
        values = {"owner": owner, "sha256": sha256}
        row = await self._database.read(
            lambda connection: _by_digest.run(connection, values).one_or_none()
        )
        return None if row is None else read_document(row)

    async def list(
        self, *, owner: str | None, after: int | None = None, limit: int = 50
    ) -> tuple[Sequence[Document], int]:
        """Return documents with ids below ``after``, newest first, and how many there are."""
        total = select(func.count()).select_from(documents)
        page = select(documents).order_by(documents.c.id.desc()).limit(limit)
        if owner is not None:
            total = total.where(documents.c.owner == owner)
            page = page.where(documents.c.owner == owner)
        if after is not None:
            page = page.where(documents.c.id < min(after, MAX_ID))

        def operation(connection: Connection) -> tuple[Sequence[Document], int]:
            rows = connection.execute(page).all()
            return [read_document(row) for row in rows], connection.execute(total).scalar_one()

        return await self._database.read(operation)

    async def update(self, document_id: int, **changes: Unpack[DocumentChanges]) -> Document:
        """Change ``title``, ``page_count`` or ``tags``; add to ``metadata``.

        Raises:
            DocumentNotFound: There is no such document.
        """
        if forbidden := changes.keys() - DocumentChanges.__annotations__.keys():
            raise TypeError(f"not changeable: {', '.join(sorted(forbidden))}")
        values: dict[str, Any] = {**changes}
        if "title" in values:
            values["title"] = clean(values["title"])
        if "tags" in values:
            values["tags"] = to_json(list(values["tags"]))
        metadata, findings = values.pop("metadata", None), values.pop("findings", ())
        statement = update(documents).where(documents.c.id == document_id)

        def operation(connection: Connection) -> Document:
            row = _find(connection, document_id)
            if row is None:
                raise _not_found(document_id)
            new = dict(values)
            if metadata:
                new["metadata"] = to_json({**read_document(row).metadata, **metadata})
            if findings:
                new["body"] = body_with(read_document(row), findings)
            if new:
                connection.execute(statement.values(new))
            return read_document(_by_id.run(connection, {"document": document_id}).one())

        return await self._database.write(operation)

    async def delete(self, document_id: int) -> None:
        """Delete a document with its pages and jobs."""

        def operation(connection: Connection) -> None:
            if _find(connection, document_id) is not None:
                counting.delete_document(connection, document_id)

        await self._database.write(operation, durable=True)

    async def save_pages(self, document_id: int, pages: Sequence[PageText]) -> None:
        """Store the text of pages, replacing earlier text of the same pages.

        Raises:
            DocumentNotFound: There is no such document.
        """
        rows = [
            {
                "document_id": document_id,
                "number": page.number,
                "text": clean(page.text),
                "layout": page.layout or None,
                "source": page.source.value,
            }
            for page in pages
        ]

        def operation(connection: Connection) -> None:
            if _find(connection, document_id) is None:
                raise _not_found(document_id)
            self._save_page.run_many(connection, rows)

        await self._database.write(operation)

    async def pages(self, document_id: int) -> AsyncIterator[PageText]:
        """Yield the text of all pages, in order, a few of them in memory at a time."""
        if not 0 < document_id <= MAX_ID:
            return
        after = -1
        while rows := await self._database.read(
            partial(read_next_pages, document_id=document_id, after=after)
        ):
            for row in rows:
                yield PageText(row.number, row.text, source=TextSource(row.source))
            after = rows[-1].number

    async def pages_at(
        self, places: Collection[tuple[int, int]]
    ) -> Mapping[tuple[int, int], PageText]:
        """Return single pages with their layouts; missing ones are left out."""
        return await self._database.read(lambda reader: read_pages_at(reader, places))

    async def pages_without_text(self, document_id: int) -> Mapping[int, TextSource]:
        """Return the pages whose source is ``none`` or ``ocr``, by ascending number."""
        return await self._database.read(partial(read_pages_without_text, document_id=document_id))

    async def find(self, wanted: DocumentFilter, *, owner: str | None) -> Sequence[int]:
        """Return the ids of the documents that a filter accepts, ascending."""
        return await self._database.read(lambda reader: find_documents(reader, wanted, owner))

    async def enqueue(
        self, document_id: int, kind: JobKind, *, importer: str = "", required: bool = True
    ) -> Job:
        """Add a job, or return the one of this kind and importer that has not ended yet.

        Raises:
            DocumentNotFound: There is no such document.
        """

        def operation(connection: Connection) -> Job:
            if _find(connection, document_id) is None:
                raise _not_found(document_id)
            values = {"document": document_id, "kind": kind.value, "importer": importer}
            row: AnyRow | None = connection.execute(OPEN_JOB, values).one_or_none()
            if row is None:
                new = new_job(document_id, kind, importer, required=required)
                row = INSERT_JOB.run(connection, new).one()
            elif row.retry_at:
                row = connection.execute(MAKE_DUE, {"job": row.id}).one()
            return read_job(row)

        return await self._database.write(operation)

    async def claim(
        self,
        *,
        kinds: Collection[JobKind] = tuple(JobKind),
        passing_over: Collection[str] = (),
        last: Collection[str] = (),
    ) -> tuple[Sequence[Job], Document] | None:
        """Claim the oldest job that is due, and the untried imports of the same document."""
        claiming = {"claiming_node": self._database.node, "now": to_micros(datetime.now(UTC))}
        oldest, choice = claim_oldest([kind.value for kind in kinds], passing_over, last)

        def operation(connection: Connection) -> tuple[Sequence[Job], Document] | None:
            first = oldest.run(connection, {**claiming, **choice}).one_or_none()
            if first is None:
                return None
            rows = [first]
            if first.kind == JobKind.IMPORT.value and first.attempts == 1:
                others = {**claiming, "document": first.document_id}
                rows += CLAIM_OTHERS.run(connection, others)
            document = CLAIMED.run(connection, {"document": first.document_id}).one()
            waits = bool(document.index_waits)
            claimed = [replace(read_job(row), index_waits=waits) for row in rows]
            return sorted(claimed, key=lambda job: job.id), read_document(document)

        return await self._database.write(operation)

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
        """Store how a job stands; nothing happens if its document is deleted."""
        values = {
            "job": job_id,
            "new_state": state.value,
            "new_progress": progress,
            "new_message": clean(message),
            "uncounted": 0 if counted else 1,
            "new_retry_at": 0 if retry_at is None else to_micros(retry_at),
        }

        def operation(connection: Connection) -> None:
            REPORT.run(connection, values)

        await self._database.write(operation)

    async def jobs(self, document_id: int) -> Sequence[Job]:
        """Return the jobs of a document, oldest first."""
        if not 0 < document_id <= MAX_ID:
            return []
        values = {"document": document_id}
        return await self._database.read(
            lambda connection: [read_job(row) for row in connection.execute(JOBS, values)]
        )

    async def jobs_of(self, document_ids: Sequence[int]) -> Mapping[int, Sequence[Job]]:
        """Return the jobs of several documents in one query, oldest first."""
        jobs_by_document: dict[int, list[Job]] = {document_id: [] for document_id in document_ids}
        values = {"documents": [key for key in jobs_by_document if 0 < key <= MAX_ID]}

        def operation(connection: Connection) -> Mapping[int, Sequence[Job]]:
            for row in connection.execute(JOBS_OF, values):
                jobs_by_document[row.document_id].append(read_job(row))
            return jobs_by_document

        return await self._database.read(operation) if values["documents"] else jobs_by_document

    async def requeue_running(self, *, own: bool = True) -> int:
        """Queue again the running jobs of dead nodes, and perhaps of this one."""

        def operation(connection: Connection) -> int:
            live = select(nodes.c.id).where(live_nodes(connection))
            mine = jobs.c.node == self._database.node
            abandoned = jobs.c.node.not_in(live)
            chosen = mine | abandoned if own else abandoned & ~mine
            requeue = update(jobs).where(jobs.c.state == JobState.RUNNING.value, chosen)
            return connection.execute(
                requeue.values(state=JobState.QUEUED.value, progress=0.0, node="")
            ).rowcount

        return await self._database.write(operation)


def _find(connection: Connection, document_id: int) -> AnyRow | None:
    if not 0 < document_id <= MAX_ID:  # from a URL; the driver takes no larger number
        return None
    return _by_id.run(connection, {"document": document_id}).one_or_none()


def _not_found(document_id: int) -> DocumentNotFound:
    return DocumentNotFound(f"There is no document {document_id}.")
