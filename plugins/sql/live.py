"""Which nodes are live, by the clock of the database."""

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, literal_column

from .schema import nodes

NODE_TIMEOUT_SECONDS = 15
MICROS = 1_000_000


def database_now(connection: Connection) -> ColumnElement[int]:
    """Return the database's clock as SQL, in microseconds since the epoch."""
    if connection.dialect.name == "postgresql":
        sql = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
    else:
        sql = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
    return literal_column(sql, BigInteger)


def live_nodes(connection: Connection) -> ColumnElement[bool]:
    """Return the condition under which a row of ``nodes`` is a live node's.

    A row from the future is dead, too: the database's clock was set back, and a live node
    refreshes its row within seconds.
    """
    now, timeout = database_now(connection), NODE_TIMEOUT_SECONDS * MICROS
    return and_(nodes.c.seen_at > now - timeout, nodes.c.seen_at < now + timeout)
