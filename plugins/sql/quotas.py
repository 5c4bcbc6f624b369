"""The accounts in an SQL database: their limits, and what they use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from pdfsluice.core import (
    DEFAULT_ACCOUNT,
    QuotaAccount,
    QuotaLimits,
)

from .accounts import ALL, ensure, limits_of, read_account, read_row
from .counting import day_of, recount, take_ocr_page
from .database import Database
from .encoding import clean
from .schema import quotas

_CONNECTION_LIMITS = select(quotas.c.account, quotas.c.max_connections).where(
    quotas.c.max_connections.is_not(None)
)


class SqlQuotas:
    """The accounts in an SQL database.

    Args:
        database: The database of the sessions and documents that are counted.
        clock: Returns the time (UTC), which decides on the day.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock

    async def account(self, name: str) -> QuotaAccount:
        """Return an account; one that was never used has no limits of its own."""
        today = self._today()
        return await self._database.read(
            lambda connection: read_account(connection, clean(name), today)
        )

    async def accounts(self) -> Sequence[QuotaAccount]:
        """Return all accounts that are used or have limits, by name."""
        today = self._today()

        def operation(connection: Connection) -> Sequence[QuotaAccount]:
            rows = connection.execute(ALL).all()
            defaults = (limits_of(row) for row in rows if row.account == DEFAULT_ACCOUNT)
            default = next(defaults, QuotaLimits())
            return [read_row(row, default, today) for row in rows]

        return await self._database.read(operation)

    async def set_limits(self, name: str, limits: QuotaLimits) -> QuotaAccount:
        """Replace the limits of an account; they count from the next upload on."""
        values = {f"max_{limit}": value for limit, value in asdict(limits).items()}
        today, key = self._today(), clean(name)

        def operation(connection: Connection) -> QuotaAccount:
            ensure(connection, key)
            connection.execute(update(quotas).where(quotas.c.account == key).values(values))
            return read_account(connection, key, today)

        return await self._database.write(operation, durable=True)

    async def connection_limits(self) -> Mapping[str, int]:
        """Return the limits of connections that were set, by account."""
        return await self._database.read(
            lambda connection: {
                row.account: row.max_connections for row in connection.execute(_CONNECTION_LIMITS)
            }
        )

    async def take_ocr_page(self, document_id: int) -> None:
        """Count a page of a document that OCR is about to read.

        Raises:
            QuotaExceeded: The account of the document has no page left today.
        """
        today = self._today()
        await self._database.write(lambda connection: take_ocr_page(connection, document_id, today))

    async def recount(self) -> Sequence[str]:
        """Count the usage of all accounts again; return those whose usage was wrong."""
        return await self._database.write(recount)

    def _today(self) -> int:
        return day_of(self._clock())
