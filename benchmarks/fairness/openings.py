"""Quotas: 1,000 simultaneous openings, and the processor time of admitting one."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from sqlalchemy import Connection

from pdfsluice.core import QuotaExceeded, QuotaLimits
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.plugins.sql import counting
from pdfsluice.plugins.sql.encoding import session_row
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.databases import sql_context, sql_stores

_ACCOUNT = "tenant:acme"
_OPENINGS = 1000
_LIMIT = 12_345
_ADMISSIONS = 5000


async def measure(folder: Path, rounds: int) -> Mapping[str, float]:
    """Open sessions against a limit of bytes, and admit many in one transaction."""
    async with sql_stores(sql_context(folder)) as (sessions, _):
        store = cast("SqlSessionStore", sessions)
        limits = QuotaLimits(reserved_bytes=_LIMIT, open_uploads=_OPENINGS, metadata_bytes=10**9)
        await store.quotas.set_limits(_ACCOUNT, limits)
        ends = await asyncio.gather(*(_open(store, 1 + number % 50) for number in range(_OPENINGS)))
        account = await store.quotas.account(_ACCOUNT)
        wrong = await store.quotas.recount()
        await store.quotas.set_limits(_ACCOUNT, QuotaLimits())
        write = store._database.write  # noqa: SLF001 - what the store does in its transaction
        milliseconds = [await write(_admit_many) for _ in range(rounds)]
    return {
        "bytes over the limit": max(0, account.usage.reserved_bytes - _LIMIT),
        "bytes left": _LIMIT - sum(ends),
        "accounts that were counted wrongly": len(wrong),
        "CPU ms of admitting one opening (limit 0.1)": min(milliseconds),
    }


async def _open(store: SqlSessionStore, size: int) -> int:
    session = replace(make_session(), account=_ACCOUNT, total_size=size, reserved=size)
    try:
        await store.create(session)
    except QuotaExceeded:
        return 0
    return size


def _admit_many(connection: Connection) -> float:
    """Return the milliseconds of processor time of one admission."""
    row, now = session_row(replace(make_session(), account=_ACCOUNT, reserved=1)), datetime.now(UTC)
    began = time.thread_time()
    for _ in range(_ADMISSIONS):
        counting.admit(connection, row, now)
    return (time.thread_time() - began) / _ADMISSIONS * 1000
