"""Which nodes are live, by the clock of the database."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from .schema import nodes

NODE_TIMEOUT_SECONDS = 15
MICROS = 1_000_000


class DatabaseClock(FunctionElement[int]):
    """The time of the database, in microseconds since the epoch."""

    type = BigInteger()
    inherit_cache = True


@compiles(DatabaseClock, "postgresql")
def _of_postgresql(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


@compiles(DatabaseClock, "sqlite")
def _of_sqlite(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


NOW: ColumnElement[int] = DatabaseClock()
_timeout = NODE_TIMEOUT_SECONDS * MICROS
LIVE = and_(nodes.c.seen_at > NOW - _timeout, nodes.c.seen_at < NOW + _timeout)
"""The condition under which a row of ``nodes`` is a live node's.

A row from the future is dead, too: the database's clock was set back, and a live node
refreshes its row within seconds.
"""
LIVE_IDS = select(nodes.c.id).where(LIVE)
