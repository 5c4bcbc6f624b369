"""The document catalogue ``sql``."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Unpack

from sqlalchemy import Connection, and_, bindparam, case, func, or_, select

from pdfsluice.core import (
    Decision,
    Document,
    DocumentChanges,
    DocumentFilter,
    JobKind,
    NewDocument,
    Session,
    SessionChanges,
    SessionStore,
)

from . import counting, statements
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
from .refusals import key_of, refused_update
from .schema import documents
from .session_updates import SessionUpdate
from .versions import (
    SqlVersions,
    continue_lineage,
    is_same_file,
    lock_lineage,
    newest_version,
    supersede,
    unlink,
)
from .writer import order_of_account

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
_own = documents.c.session_id == bindparam("session")
_own_or_equal = Prepared(
    select(documents)
    .where(
        or_(
            _own,
            and_(
                documents.c.owner == bindparam("owner"),
                documents.c.sha256 == bindparam("sha256"),
                documents.c.replaced_by.is_(None),
            ),
        )
    )
    .order_by(case((_own, 0), else_=1), documents.c.id)
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
            row["account"] = counting.account_of_document(connection, document)
            stored, is_new = self._insert(connection, document, row, unique=unique)
            if is_new:
                self._queue(connection, stored.id, jobs, importers)
                counts = (document.file_size, row["metadata_bytes"])
                counting.count_document(connection, row["account"], *counts, number=1)
            return read_document(stored)

        return await self._database.write(operation, durable=True)

    def shares(self, sessions: SessionStore) -> bool:
        """Return whether a session store has its rows in the same database."""
        return getattr(sessions, "database", None) is self._database

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
        """Add a document and complete its session in one transaction.

        Raises:
            StateConflict: The session is not being imported, or was changed.
            SessionNotFound: There is no such session.
        """
        row = document_row(document)
        row["account"] = counting.account_of(session)
        key = {**key_of(session.id), "expected": session.version}

        def operation(connection: Connection) -> tuple[Document, Session]:
            if not statements.LOCK_VERSION.run(connection, key).rows:
                raise refused_update(connection, session)
            stored, is_new = self._insert(connection, document, row, unique=unique)
            if stored.session_id != session.id:
                return read_document(stored), session
            update = SessionUpdate(session, {**changes, "document_id": stored.id})
            counts: Mapping[str, int] = {}
            if is_new:
                self._queue(connection, stored.id, jobs, importers)
                counts = counting.counts_of_document(document.file_size, row["metadata_bytes"])
            update.run(connection, self._database, counts)
            return read_document(stored), update.new

        order = order_of_account(row["account"], session.id)
        return await self._database.write(operation, durable=True, order=order)

    def _insert(
        self, connection: Connection, document: NewDocument, row: dict[str, Any], *, unique: bool
    ) -> tuple[AnyRow, bool]:
        """Insert a document, or find the one in its place; return if it is new."""
        newest = None
        if document.lineage is not None:
            lock_lineage(connection, document.lineage, postgresql=self._database.postgresql)
            newest = newest_version(connection, document.lineage)
            if newest is not None and unique and is_same_file(newest, document):
                return newest, False
            continue_lineage(newest, row)
        elif unique and document.sha256:
            existing = self._existing(connection, document)
            if existing is not None:
                return existing, False
        new_row = self._add.run(connection, row).one_or_none()
        if new_row is None:
            earlier = _by_session.run(connection, {"session": document.session_id})
            return earlier.one(), False
        if newest is not None:
            supersede(connection, newest, new_row.id)
        return new_row, True

    def _existing(self, connection: Connection, document: NewDocument) -> AnyRow | None:
        """Return the session's document, or else the oldest one with the same digest."""
        if self._database.postgresql:
            key = f"{document.owner} {document.sha256}"
            connection.execute(_lock_digest, {"key": key})
        values = {
            "session": document.session_id,
            "owner": document.owner,
            "sha256": document.sha256,
        }
        return _own_or_equal.run(connection, values).one_or_none()

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
