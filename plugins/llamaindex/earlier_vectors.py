"""Vectors of earlier versions, which the extension ``sqlite-vec`` stored.

Its virtual tables keep their rows in ordinary ones, so that these can be read without it.
"""

from collections.abc import Iterator

import apsw

from .stored import Slot

EARLIER_TABLES: dict[Slot, str] = {"main": "vectors", "other": "vectors_other"}
_TABLES_OF_ROWS = ("info", "chunks", "rowids", "vector_chunks00")


def take_out(database: apsw.Connection, table: str) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the rows of an earlier table, passages and vectors, then drop it.

    Args:
        database: The database, in a transaction.
        table: The name of the table; there are no rows if it does not exist.
    """
    has_table = "SELECT count(*) FROM sqlite_master WHERE name = ? AND sql LIKE '%USING vec0%'"
    if not database.execute(has_table, (table,)).get:
        return
    blocks = database.execute(
        "SELECT c.chunk_id, length(v.vectors) / c.size, v.vectors"  # noqa: S608
        f" FROM {table}_chunks c JOIN {table}_vector_chunks00 v ON v.rowid = c.chunk_id"
    )
    for block, size, vectors in blocks:
        rows = database.execute(
            f"SELECT rowid, chunk_offset FROM {table}_rowids WHERE chunk_id = ?",  # noqa: S608
            (block,),
        )
        yield [(int(row), vectors[size * place : size * (place + 1)]) for row, place in rows]
    database.execute(  # DROP TABLE would need the extension
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = ?;"
        "PRAGMA writable_schema = RESET",
        (table,),
    )
    for name in _TABLES_OF_ROWS:
        database.execute(f"DROP TABLE {table}_{name}")
