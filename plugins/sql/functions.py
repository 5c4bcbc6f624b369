"""The function of PostgreSQL that commits an extent.

To PostgreSQL each statement is a journey, and so are the beginning and the end of a transaction.
This function is one journey for all of them. Within it each statement has a snapshot of its own
(READ COMMITTED), and the connection keeps its plans, also if it is that of a pooler.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    String,
    bindparam,
    column,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from .prepared import Prepared

_COMMIT_EXTENT = """
CREATE OR REPLACE FUNCTION pdfsluice_commit_extent(
    upload text, first bigint, past bigint, print text, moment bigint, location text,
    frontier bigint, holder text,
    OUT row_version integer, OUT row_state text, OUT is_new boolean, OUT is_same boolean,
    OUT is_held boolean, OUT committed json
) LANGUAGE plpgsql AS $$
BEGIN
    is_new := false;
    is_same := false;
    is_held := false;
    SELECT s.version, s.state INTO row_version, row_state
        FROM sessions s WHERE s.id = upload FOR NO KEY UPDATE;
    IF row_version IS NULL THEN
        RETURN;
    END IF;
    IF row_state IN ('created', 'uploading') AND coalesce((
        SELECT e."end" FROM extents e WHERE e.session_id = upload AND e.start < past
            ORDER BY e.start DESC LIMIT 1
    ), 0) <= first THEN
        INSERT INTO extents (session_id, start, "end", fingerprint, committed_at, place)
            VALUES (upload, first, past, print, moment, location);
        is_new := true;
    ELSE
        is_same := EXISTS (
            SELECT 1 FROM extents e WHERE e.session_id = upload
                AND e.start = first AND e."end" = past AND e.fingerprint = print
        );
    END IF;
    IF is_new AND holder <> '' THEN
        INSERT INTO holds (session_id, node, epoch) VALUES (upload, holder, 0)
            ON CONFLICT DO NOTHING;
        is_held := FOUND;
    END IF;
    IF frontier >= 0 THEN
        SELECT json_agg(json_build_array(e.start, e."end", e.fingerprint, e.place)) INTO committed
            FROM extents e WHERE e.session_id = upload AND e."end" > frontier;
    END IF;
END
$$
"""

_call = func.pdfsluice_commit_extent(
    bindparam("session", type_=String),
    bindparam("start", type_=BigInteger),
    bindparam("end", type_=BigInteger),
    bindparam("fingerprint", type_=String),
    bindparam("committed_at", type_=BigInteger),
    bindparam("place", type_=String),
    bindparam("frontier", type_=BigInteger),
    bindparam("holder", type_=String),
).table_valued(
    column("row_version", BigInteger),
    column("row_state", String),
    column("is_new", Boolean),
    column("is_same", Boolean),
    column("is_held", Boolean),
    column("committed", JSON),
)
COMMIT_EXTENT = Prepared(select(_call))
"""Commits an extent if the session is open and no other one overlaps it.

It returns the version and the state of the session, both null if there is none, whether the extent
was inserted or was there already, whether the node ``holder`` holds the session since then (no
node if it is empty), and the extents after ``frontier``, unless that is negative.
"""


def create_functions(connection: Connection) -> None:
    """Create the functions, if the database is PostgreSQL."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(_COMMIT_EXTENT))
