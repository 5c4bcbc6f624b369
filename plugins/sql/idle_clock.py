"""Since when idle time counts: the periods in which no server ran are left out."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from .encoding import from_micros, to_micros
from .schema import idle_clock

_ONLY = 1
_EPOCH_MICROS = 0


def record(
    connection: Connection, now: datetime, max_gap: float, *, insert: Callable[..., Any]
) -> datetime:
    """Record that a server runs at ``now``; return since when idle time counts.

    Args:
        connection: Within a transaction.
        now: The time of this server's clock.
        max_gap: Seconds without a record after which idle time counts from ``now`` on.
        insert: The INSERT of the database, which has ON CONFLICT.
    """
    this = to_micros(now)
    row = connection.execute(select(idle_clock).where(idle_clock.c.id == _ONLY)).one_or_none()
    if row is None:
        values = {"id": _ONLY, "recorded_at": this, "idle_from": _EPOCH_MICROS}
        connection.execute(insert(idle_clock).values(values).on_conflict_do_nothing())
        return from_micros(_EPOCH_MICROS)
    idle_from = min(row.idle_from, this)  # a clock that was ahead has been set right
    if this - row.recorded_at > timedelta(seconds=max_gap) // timedelta(microseconds=1):
        idle_from = this
    values = {"recorded_at": this, "idle_from": idle_from}
    connection.execute(update(idle_clock).where(idle_clock.c.id == _ONLY).values(values))
    return from_micros(idle_from)
