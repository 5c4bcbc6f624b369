"""The document catalogue ``sql``."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Unpack

from sqlalchemy import Connection, bindparam, func, select

from pdfsluice.core import Decision, Document, DocumentChanges, DocumentFilter, JobKind, NewDocument

from . import counting
from .database import Database
from .document_changes import change_document
from .encoding import clean, document_row, read_document, to_json
from .jobs import SqlJobs
from .managed_jobs import SqlManagedJobs
from .pages import SqlPages
from .prepared import AnyRow, Prepared
from .reading import (
    BY_ID,
    MAX_ID,
    document_not_found,
    find_document,
    find_documents,
    read_documents,
    require_document,
)
from .schema import documents
from .versions import (
    SqlVersions,
    continue_lineage,
    is_same_file,
    lock_lineage,
    newest_version,
    supersede,
    unlink,
)

_DIGEST_LOCK = 0x70646664  # seed of the hash, so that no other lock has the same key

_by_session = Prepared(select(documents).where(documents.c.session_id == bindparam("session")))
_by_digest = Prepared(
    select(documents)
    .where(
        documents.c.owner == bindparam("owner"),
        documents.c.sha256 == bindparam("sha256"),
        documents.c.replaced_by.is_(None),
    )
    .order_by(documents.c.id)
    .limit(1)
)
_lock_digest = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key"), _DIGEST_LOCK))
)


class SqlCatalogue(SqlManagedJobs, SqlPages, SqlJobs, SqlVersions):
    """A catalogue of documents, the text of their pages, and jobs in a database."""

    def __init__(self, database: Database) -> None:
        SqlPages.__init__(self, database)
        SqlJobs.__init__(self, database)
        SqlVersions.__init__(self, database)
        self._add = Prepared(
            database.insert(documents)
            .on_conflict_do_nothing(index_elements=["session_id"])
            .returning(*documents.c),
            columns=[column.name for column in documents.c if column.name != "id"],
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
            newest = None
            if document.lineage is not None:
                lock_lineage(connection, document.lineage, postgresql=self._database.postgresql)
                newest = newest_version(connection, document.lineage)
                if newest is not None and unique and is_same_file(newest, document):
                    return read_document(newest)
                continue_lineage(newest, row)
            elif unique and document.sha256:
                existing = self._existing(connection, document)
                if existing is not None:
                    return read_document(existing)
            row["account"] = counting.account_of_document(connection, document)
            new_row = self._add.run(connection, row).one_or_none()
            if new_row is None:
                earlier = _by_session.run(connection, {"session": document.session_id})
                return read_document(earlier.one())
            if newest is not None:
                supersede(connection, newest, new_row.id)
            self._queue(connection, new_row.id, jobs, importers)
            counts = (document.file_size, row["metadata_bytes"])
            counting.count_document(connection, row["account"], *counts, number=1)
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
        row = await self._database.read(lambda connection: find_document(connection, document_id))
        if row is None or owner not in {None, row.owner}:
            raise document_not_found(document_id)
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
        self,
        *,
        owner: str | None,
        after: int | None = None,
        limit: int = 50,
        replaced: bool = False,
    ) -> tuple[Sequence[Document], int]:
        """Return documents with ids below ``after``, newest first, and how many there are."""
        total = select(func.count()).select_from(documents)
        page = select(documents).order_by(documents.c.id.desc()).limit(limit)
        if not replaced:
            total = total.where(documents.c.replaced_by.is_(None))
            page = page.where(documents.c.replaced_by.is_(None))
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
        decision = values.pop("decision", Decision.NOTE)

        def operation(connection: Connection) -> Document:
            require_document(connection, document_id)
            change_document(
                connection,
                document_id,
                values,
                metadata=metadata or {},
                findings=findings,
                decision=decision,
            )
            return read_document(BY_ID.run(connection, {"document": document_id}).one())

        return await self._database.write(operation)

    async def delete(self, document_id: int) -> None:
        """Delete a document with its pages and jobs."""

        def operation(connection: Connection) -> None:
            row = find_document(connection, document_id)
            if row is None:
                return
            if row.lineage is not None:
                lock_lineage(connection, row.lineage, postgresql=self._database.postgresql)
                row = find_document(connection, document_id) or row
                unlink(connection, row)
            counting.delete_document(connection, document_id)

        await self._database.write(operation, durable=True)

    async def find(self, wanted: DocumentFilter, *, owner: str | None) -> Sequence[int]:
        """Return the ids of the documents that a filter accepts, ascending."""
        return await self._database.read(lambda reader: find_documents(reader, wanted, owner))
