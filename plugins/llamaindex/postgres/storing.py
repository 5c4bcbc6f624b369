"""Writes passages, words and vectors, in the transactions of its caller."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from pdfsluice.plugins.llamaindex.languages import ENGLISH, UNKNOWN
from pdfsluice.plugins.llamaindex.names import name_terms
from pdfsluice.plugins.llamaindex.stored import PendingPassage, Slot

from .schema import VECTORS, prepare_vectors
from .vectors import tsvector

_IS_MAIN = f"language IN ('{ENGLISH}', '{UNKNOWN}')"
_SLOT_FILTERS: dict[Slot, str] = {"main": f"AND {_IS_MAIN}", "other": f"AND NOT {_IS_MAIN}"}


def stage(connection: Connection, staging: str, passages: Sequence[dict[str, Any]]) -> int:
    """Gather passages where no search sees them.

    Args:
        connection: In a transaction.
        staging: The name under which they are gathered.
        passages: Each with ``key``, ``page``, ``language``, ``text`` and ``words``.

    Returns:
        How many there are now.
    """
    if passages:
        connection.execute(
            text(
                "INSERT INTO index_staged(staging, key, page, language, text, words)"
                " VALUES (:staging, :key, :page, :language, :text, CAST(:words AS tsvector))"
                " ON CONFLICT DO NOTHING"
            ),
            [{"staging": staging, **passage} for passage in passages],
        )
    count = connection.execute(
        text("SELECT count(*) FROM index_staged WHERE staging = :staging"), {"staging": staging}
    )
    return int(count.scalar_one())


def unstage(connection: Connection, staging: str) -> None:
    """Drop what was gathered under a name."""
    connection.execute(
        text("DELETE FROM index_staged WHERE staging = :staging"), {"staging": staging}
    )


def publish(
    connection: Connection,
    staging: str,
    document: int,
    *,
    owner: str,
    title: str,
    pages: Sequence[int] | None = None,
) -> None:
    """Replace the passages of a document by those that are gathered.

    A passage that has not changed keeps its vector.

    Args:
        connection: In a transaction.
        staging: The name under which the passages are gathered.
        document: The document.
        owner: The principal who may find the passages.
        title: Words by which the document is found, besides its text.
        pages: Replace the passages of these pages only, and add to the others.

    Raises:
        IntegrityError: The document is not in the catalogue (any more).
    """
    names = name_terms(title)
    values = {
        "document": document,
        "owner": owner,
        "title": title,
        "staging": staging,
        "stage": "words" if pages is None else "reading",
        "pages": None if pages is None else list(pages),
        "names": names,
        "words": tsvector(title=names),
    }
    for statement in (
        (
            "UPDATE index_passages p SET words ="
            " ts_filter(p.words, '{a,c,d}') || CAST(:words AS tsvector) FROM index_documents d"
            " WHERE d.id = :document AND p.document = :document AND d.title <> :title"
        ),
        (
            "INSERT INTO index_documents(id, owner, title, stage)"
            " VALUES (:document, :owner, :title, :stage) ON CONFLICT (id) DO UPDATE SET"
            " owner = excluded.owner, title = excluded.title, stage = excluded.stage"
        ),
        (
            "DELETE FROM index_passages p WHERE document = :document"
            " AND (CAST(:pages AS INTEGER[]) IS NULL OR page = ANY(:pages)) AND NOT EXISTS"
            " (SELECT FROM index_staged s WHERE s.staging = :staging AND s.key = p.key"
            " AND s.language = p.language)"
        ),
        (
            "INSERT INTO index_passages(key, document, owner, page, language, text, words)"
            " SELECT key, :document, :owner, page, language, text,"
            " words || CAST(:words AS tsvector) FROM index_staged"
            " WHERE staging = :staging ORDER BY number ON CONFLICT (key) DO NOTHING"
        ),
        "DELETE FROM index_names WHERE document = :document",
        "INSERT INTO index_names SELECT unnest(CAST(:names AS TEXT[])), :document",
        (
            "UPDATE index_documents SET passages ="
            " (SELECT count(*) FROM index_passages WHERE document = :document) WHERE id = :document"
        ),
        "DELETE FROM index_staged WHERE staging = :staging",
    ):
        connection.execute(text(statement), values)


def remove(connection: Connection, document: int) -> None:
    """Delete what is indexed of a document."""
    connection.execute(
        text("DELETE FROM index_documents WHERE id = :document"), {"document": document}
    )


def is_empty(connection: Connection) -> bool:
    """Return whether there is no passage."""
    return not connection.execute(text("SELECT EXISTS(SELECT FROM index_passages)")).scalar_one()


def pending(
    connection: Connection, document: int, slot: Slot, *, limit: int, every: bool
) -> list[PendingPassage]:
    """Return passages of a document that still need a vector of a model.

    Args:
        connection: In a transaction.
        document: The document.
        slot: The model; each has the passages of its languages.
        limit: How many passages are returned at most.
        every: Whether the model is for all languages.
    """
    rows = connection.execute(
        text(
            "SELECT id, key, text FROM index_passages"  # noqa: S608 - ours
            " WHERE document = :document AND NOT embedded"
            f" {'' if every else _SLOT_FILTERS[slot]} ORDER BY id LIMIT :limit"
        ),
        {"document": document, "limit": limit},
    )
    return [PendingPassage(int(number), str(key), str(words)) for number, key, words in rows]


def add_vectors(
    connection: Connection,
    slot: Slot,
    model: str,
    numbers: Sequence[int],
    vectors: Sequence[Sequence[float]],
) -> None:
    """Store vectors of passages; the vectors of any earlier model are dropped.

    Args:
        connection: In a transaction.
        slot: Which of the two models it is.
        model: Identity of the model.
        numbers: The passages.
        vectors: Their vectors, in the same order.
    """
    prepare_vectors(connection, slot, model, len(vectors[0]))
    connection.execute(
        text(
            f"INSERT INTO {VECTORS[slot]} SELECT id, owner, CAST(:vector AS VECTOR)"  # noqa: S608
            " FROM index_passages WHERE id = :id AND NOT embedded ON CONFLICT DO NOTHING"
        ),
        [
            {"id": number, "vector": literal(vector)}
            for number, vector in zip(numbers, vectors, strict=True)
        ],
    )
    set_embedded(connection, numbers)


def set_embedded(connection: Connection, numbers: Sequence[int]) -> None:
    """Mark passages that need no vector (any more)."""
    connection.execute(
        text("UPDATE index_passages SET embedded = TRUE WHERE id = ANY(:ids)"),
        {"ids": list(numbers)},
    )


def finish(connection: Connection, document: int) -> bool:
    """Mark a document as found by meaning, too; return whether it is there."""
    stage = "CASE stage WHEN 'words' THEN 'meaning' ELSE stage END"
    result = connection.execute(
        text(f"UPDATE index_documents SET stage = {stage} WHERE id = :document"),  # noqa: S608
        {"document": document},
    )
    return result.rowcount > 0


def literal(vector: Sequence[float]) -> str:
    """Return a vector in the notation of pgvector."""
    return f"[{','.join(map(repr, vector))}]"
