"""What the database counts, compared with what it has."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pdfsluice.core import Dimension, UploadEnd
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.databases import sql_context, sql_stores

_SETTLED_SECONDS = 60.0
_POLL_SECONDS = 0.5
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Counts:
    """Differences.

    Attributes:
        accounts: Accounts whose usage differs from a recount.
        uploads: Completed uploads of analytics, less the documents.
        bytes: Their bytes, less those of the documents.
    """

    accounts: int
    uploads: int
    bytes: int


async def compare(
    state_dir: Path, documents: Sequence[Mapping[str, Any]], *, url: str = ""
) -> Counts:
    """Count usage again, and compare analytics with the documents.

    Servers that were killed lost records, and make them again after their start.

    Args:
        state_dir: The folder of the database, if it is SQLite.
        documents: The documents of the catalogue.
        url: The database of PostgreSQL.
    """
    async with sql_stores(sql_context(state_dir, url=url)) as (sessions, _):
        store = cast("SqlSessionStore", sessions)
        wrong = await store.quotas.recount()
        size = sum(each["file_size"] for each in documents)
        uploads, sent = await _completed(store)
        deadline = asyncio.get_running_loop().time() + _SETTLED_SECONDS
        while (uploads, sent) != (len(documents), size):
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(_POLL_SECONDS)
            uploads, sent = await _completed(store)
    return Counts(len(wrong), uploads - len(documents), sent - size)


async def _completed(store: SqlSessionStore) -> tuple[int, int]:
    """Return the number and the bytes of completed uploads, according to analytics."""
    until = datetime.now(UTC) + timedelta(days=1)
    totals = (await store.analytics.totals(Dimension.END, _FIRST, until)).get(UploadEnd.COMPLETED)
    return (0, 0) if totals is None else (totals.uploads, totals.bytes)
