"""Limits of rates in an SQL database: a row for each that was set."""

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from pdfsluice.core import RateLimits

from .database import Database
from .schema import rate_limits

_LIMITS = select(rate_limits.c.name, rate_limits.c.rate)


class SqlRateLimits:
    """Limits of rates in an SQL database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def limits(self) -> RateLimits:
        """Return the limits; those that only a later version knows are left out."""

        def operation(connection: Connection) -> RateLimits:
            rates = {row.name: row.rate for row in connection.execute(_LIMITS)}
            return RateLimits(**{name: rates.get(name) for name in asdict(RateLimits())})

        return await self._database.read(operation)

    async def set_limits(self, limits: RateLimits) -> None:
        """Replace the limits."""
        rows = [
            {"name": name, "rate": rate}
            for name, rate in asdict(limits).items()
            if rate is not None
        ]

        def operation(connection: Connection) -> None:
            connection.execute(delete(rate_limits))
            if rows:
                connection.execute(insert(rate_limits), rows)

        await self._database.write(operation, durable=True)
