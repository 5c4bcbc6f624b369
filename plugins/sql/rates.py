"""Clocks of rates in an SQL database."""

from sqlalchemy import Connection, case, delete, select

from pdfsluice.core import Reservation

from .database import Database
from .live import MICROS, NOW
from .schema import rate_clocks

_MAX_GAP_MICROS = MICROS // 4
_FOREVER_MICROS = 10**15
_IDLE_MICROS = 3600 * MICROS


class SqlRates:
    """Clocks of rates in an SQL database, which advance by its own clock.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self, name: str, seconds: float, *, max_wait: float | None = None
    ) -> Reservation:
        """Reserve time of a clock, if it begins within ``max_wait`` seconds."""
        micros = round(seconds * MICROS)
        limit = _FOREVER_MICROS if max_wait is None else round(max_wait * MICROS)

        def operation(connection: Connection) -> Reservation:
            due = rate_clocks.c.due_at
            start = case((due < NOW - _MAX_GAP_MICROS, NOW), else_=due)
            advance = (
                self._database.insert(rate_clocks)
                .values(name=name, due_at=NOW + micros)
                .on_conflict_do_update(
                    index_elements=["name"],
                    set_={"due_at": start + micros},
                    where=due - NOW <= limit,
                )
                .returning(due - micros - NOW)
            )
            wait = connection.execute(advance).scalar()
            if wait is not None:
                return Reservation(max(0, wait) / MICROS)
            ahead = connection.execute(select(due - NOW).where(rate_clocks.c.name == name))
            return Reservation(ahead.scalar_one() / MICROS, is_made=False)

        return await self._database.write(operation)

    async def forget(self) -> None:
        """Delete the clocks that were not used for an hour."""

        def operation(connection: Connection) -> None:
            limit = NOW - _IDLE_MICROS
            connection.execute(delete(rate_clocks).where(rate_clocks.c.due_at < limit))

        await self._database.write(operation)
