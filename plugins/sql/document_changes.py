"""Changes of a stored document, and of what it counts for its account."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from pdfsluice.core import Decision, Finding

from . import counting
from .encoding import body_with, read_document, size_of_metadata, to_json
from .schema import documents

_LOCKED = (
    select(documents)
    .where(documents.c.id == bindparam("document"))
    .with_for_update()  # SQLite has one writer and leaves this out
)


def change_document(
    connection: Connection,
    document_id: int,
    values: Mapping[str, Any],
    *,
    metadata: Mapping[str, Any],
    findings: Sequence[Finding],
    decision: Decision,
) -> None:
    """Change a document; nothing happens if it is deleted.

    Args:
        values: New values of columns.
        metadata: Entries that are added, or replace those of the same name.
        findings: Findings that are added.
        decision: Replaces one that is less grave.
    """
    row = connection.execute(_LOCKED, {"document": document_id}).one_or_none()
    if row is None:
        return
    new = dict(values)
    if metadata:
        new["metadata"] = to_json({**read_document(row).metadata, **metadata})
    if findings or decision:
        new["body"] = body_with(read_document(row), findings, decision)
    if "metadata" in new or "title" in new:
        size = size_of_metadata(new.get("metadata", row.metadata), new.get("title", row.title))
        counting.count_metadata(connection, row.account, size - row.metadata_bytes)
        new["metadata_bytes"] = size
    if new:
        connection.execute(update(documents).where(documents.c.id == document_id).values(new))
