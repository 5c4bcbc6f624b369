"""Changes the API keys of servers, as the command does."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from pdfsluice.core import ApiKey, KeyChange, Scope
from pdfsluice.plugins.api_keys.keys import adding, new_key
from pdfsluice.plugins.sql.database import open_database
from pdfsluice.plugins.sql.engine import open_engines
from pdfsluice.plugins.sql.hints import Channel, LocalChannel, NotifyChannel
from pdfsluice.plugins.sql.keys import SqlKeys


def change_keys(data_dir: Path, change: KeyChange, *, url: str = "") -> Sequence[ApiKey]:
    """Change the keys of servers, which may run; return the changed ones.

    Args:
        data_dir: The folder of the server, if it has SQLite.
        change: The change.
        url: The database of PostgreSQL.
    """
    state_dir = data_dir / "state"

    async def run() -> Sequence[ApiKey]:
        async with open_database(
            lambda: open_engines(url, state_dir=state_dir, durability="process", check=False)
        ) as database:
            channel: Channel = (
                NotifyChannel(url, database) if url else LocalChannel(state_dir / "nodes")
            )
            return await SqlKeys(database, channel).change(change)

    with ThreadPoolExecutor(1) as thread:  # the caller's may have an event loop
        return thread.submit(asyncio.run, run()).result()


def add_key(
    data_dir: Path, name: str, scopes: Iterable[Scope], *, tenant: str = "", url: str = ""
) -> dict[str, str]:
    """Add a key; return the header that shows it."""
    stored, key = new_key(name, scopes, datetime.now(UTC), tenant=tenant or None)
    change_keys(data_dir, adding(stored), url=url)
    return {"Authorization": f"Bearer {key}"}
