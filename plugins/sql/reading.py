"""Queries of both stores: pages, documents by a filter, ranges of sessions."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, literal_column, null, select, tuple_

from pdfsluice.core import Document, DocumentFilter, DocumentNotFound, PageText, TextSource

from .encoding import read_document, to_micros
from .prepared import AnyRow, Prepared
from .schema import documents, extents, pages

MAX_ID = 2**63 - 1
_PAGES_PER_READ = 10  # each may have a million characters
_MAX_NUMBER = 2**31 - 1
_PLACES_PER_QUERY = 100
_DOCUMENTS_PER_QUERY = 500

_next_pages = (
    select(pages.c.number, pages.c.text, pages.c.source)
    .where(pages.c.document_id == bindparam("document"), pages.c.number > bindparam("after"))
    .order_by(pages.c.number)
    .limit(_PAGES_PER_READ)
)
BY_ID = Prepared(select(documents).where(documents.c.id == bindparam("document")))
_documents_with = select(documents).where(documents.c.id.in_(bindparam("ids", expanding=True)))
_pages_at = select(pages).where(
    tuple_(pages.c.document_id, pages.c.number).in_(bindparam("places", expanding=True))
)

_pages_without_text = (
    select(pages.c.number, pages.c.source)
    .where(pages.c.document_id == bindparam("document"), pages.c.source != literal_column("'text'"))
    .order_by(pages.c.number)
)


def find_document(connection: Connection, document_id: int) -> AnyRow | None:
    """Return the row of a document, if there is one."""
    if not 0 < document_id <= MAX_ID:  # from a URL; the driver takes no larger number
        return None
    return BY_ID.run(connection, {"document": document_id}).one_or_none()


def require_document(connection: Connection, document_id: int) -> AnyRow:
    """Return the row of a document.

    Raises:
        DocumentNotFound: There is no such document.
    """
    row = find_document(connection, document_id)
    if row is None:
        raise document_not_found(document_id)
    return row


def document_not_found(document_id: int) -> DocumentNotFound:
    """Return the error about a document that does not exist for the caller."""
    return DocumentNotFound(f"There is no document {document_id}.")


def read_documents(
    connection: Connection, document_ids: Collection[int], owner: str | None
) -> Mapping[int, Document]:
    """Return documents by their ids; missing ones and those of others are left out."""
    possible = [number for number in document_ids if 0 < number <= MAX_ID]
    by_id: dict[int, Document] = {}
    for start in range(0, len(possible), _DOCUMENTS_PER_QUERY):
        wanted = {"ids": possible[start : start + _DOCUMENTS_PER_QUERY]}
        for row in connection.execute(_documents_with, wanted):
            if owner in {None, row.owner}:
                by_id[row.id] = read_document(row)
    return by_id


def read_next_pages(connection: Connection, document_id: int, after: int) -> Sequence[AnyRow]:
    """Return number, text and source of the next few pages of a document."""
    return connection.execute(_next_pages, {"document": document_id, "after": after}).all()


def read_pages_at(
    connection: Connection, places: Collection[tuple[int, int]]
) -> Mapping[tuple[int, int], PageText]:
    """Return single pages with their layouts; missing ones are left out."""
    possible = [
        (document_id, number)
        for document_id, number in places
        if 0 < document_id <= MAX_ID and 0 <= number <= _MAX_NUMBER
    ]
    texts: dict[tuple[int, int], PageText] = {}
    for start in range(0, len(possible), _PLACES_PER_QUERY):
        wanted = {"places": possible[start : start + _PLACES_PER_QUERY]}
        for row in connection.execute(_pages_at, wanted):
            page = PageText(
                row.number,
                row.text,
                layout=bytes(row.layout or b""),
                source=TextSource(row.source),
            )
            texts[row.document_id, row.number] = page
    return texts


def read_pages_without_text(connection: Connection, document_id: int) -> Mapping[int, TextSource]:
    """Return the pages whose source is not ``text``, by ascending number."""
    if not 0 < document_id <= MAX_ID:
        return {}
    rows = connection.execute(_pages_without_text, {"document": document_id})
    return {row.number: TextSource(row.source) for row in rows}


def find_documents(
    connection: Connection, wanted: DocumentFilter, owner: str | None
) -> Sequence[int]:
    """Return the ids of the documents that a filter accepts, ascending."""
    table = documents.c
    tags = table.tags if wanted.tags else null()
    metadata = table.metadata if wanted.metadata else null()
    query = select(table.id, table.title, table.filename, tags, metadata)
    query = query.where(table.replaced_by.is_(None)).order_by(table.id)
    if owner is not None:
        query = query.where(table.owner == owner)
    if wanted.documents is not None:
        ids = [number for number in wanted.documents if 0 < number <= MAX_ID]
        query = query.where(table.id.in_(ids))
    if wanted.uploaded_from is not None:
        query = query.where(table.created_at >= to_micros(wanted.uploaded_from))
    if wanted.uploaded_before is not None:
        query = query.where(table.created_at < to_micros(wanted.uploaded_before))
    return [
        number
        for number, title, filename, its_tags, fields in connection.execute(query)
        if wanted.is_named(title, filename)
        and (its_tags is None or wanted.is_tagged(orjson.loads(its_tags)))
        and (fields is None or wanted.is_described(orjson.loads(fields)))
    ]


def ranges_of(connection: Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    """Return start, end and time of the committed extents of sessions."""
    statement = select(
        extents.c.session_id, extents.c.start, extents.c.end, extents.c.committed_at
    ).where(extents.c.session_id.in_(ids))
    ranges: dict[str, list[Any]] = {}
    for session_id, *extent in connection.execute(statement) if ids else ():
        ranges.setdefault(session_id, []).append(extent)
    return ranges
