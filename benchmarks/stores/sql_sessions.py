"""How many sessions, and writes, the SQL stores take in a second.

Each session does what an upload of one chunk does: nine operations, of which seven write.

    python -m benchmarks.stores.sql_sessions [--sessions 2000] [--concurrency 16]
        [--durability process|power] [--url URL] [--filled 0]
"""

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.sessions import SessionState
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore
from pdfsluice.core.testing.contracts.samples import (
    NOW,
    extent,
    make_document,
    make_session,
)
from tests.support.databases import sql_context, sql_stores

WRITES = 6


@dataclass(frozen=True, slots=True)
class Timing:
    """What it took."""

    wall: float
    cpu: float


async def one_upload(sessions: SessionStore, catalogue: Catalogue) -> None:
    session = make_session(total_size=20_000, chunk_size=65_536)
    await sessions.create(session, most_open=1_000_000)
    await sessions.commit(session.id, extent(0, 20_000), NOW)
    session = await sessions.update(session, state=SessionState.VALIDATING)
    session = await sessions.update(
        session, state=SessionState.IMPORTING, facts={"sha256": session.id, "page_count": 1}
    )
    document = await catalogue.add(
        make_document(session_id=session.id, blob_id=session.id), [JobKind.IMPORT]
    )
    await sessions.update(session, state=SessionState.COMPLETED, document_id=document.id)


async def run(
    sessions: SessionStore, catalogue: Catalogue, *, count: int, concurrency: int
) -> Timing:
    remaining = iter(range(count))

    async def worker() -> None:
        for _ in remaining:
            await one_upload(sessions, catalogue)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--durability", choices=["process", "power"], default="process")
    parser.add_argument("--url", default="")
    parser.add_argument("--filled", type=int, default=0, help="sessions that are there before")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        context = sql_context(Path(directory), url=arguments.url, durability=arguments.durability)
        async with sql_stores(context) as (sessions, catalogue):
            if arguments.filled:
                await run(sessions, catalogue, count=arguments.filled, concurrency=64)
            timing = await run(
                sessions, catalogue, count=arguments.sessions, concurrency=arguments.concurrency
            )
    rate = arguments.sessions / timing.wall
    print(
        f"{rate:.0f} sessions/s, {rate * WRITES:.0f} writes/s; "
        f"{timing.cpu / arguments.sessions * 1e6:.0f} us of CPU for each session"
    )


if __name__ == "__main__":
    asyncio.run(main())
