"""A process that stores uploads until it is killed, and prints what it stored.

    python -m tests.support.crashing_writer DIRECTORY DURABILITY

Each line on standard output is ``session start end sha256`` of a range whose commit returned.
"""

import asyncio
import hashlib
import os
import random
import sys
from pathlib import Path

from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.stores import SessionStore, UploadStore
from pdfsluice.core.testing.contracts.samples import NOW, make_session
from pdfsluice.plugins.local_store.opening import open_store
from tests.support.databases import sql_context, sql_stores

CHUNK = 50_000


async def upload_for_ever(sessions: SessionStore, uploads: UploadStore) -> None:
    while True:
        session = make_session(total_size=4 * CHUNK, chunk_size=CHUNK)
        await uploads.create(session.id, session.total_size)
        await sessions.create(session)
        blob = await uploads.open(session.id, ())
        for start in random.sample(range(0, 4 * CHUNK, CHUNK), 4):
            data = os.urandom(CHUNK)
            await asyncio.to_thread(blob.write, start, memoryview(data))
            await asyncio.to_thread(blob.seal, start, start + CHUNK)
            digest = hashlib.sha256(data).hexdigest()
            await sessions.commit(session.id, Extent(start, start + CHUNK, digest), NOW)
            print(session.id, start, start + CHUNK, digest, flush=True)
        blob.close()


async def main(directory: Path, durability: str) -> None:
    async with (
        sql_stores(sql_context(directory, durability=durability)) as (sessions, _),
        open_store(
            upload_dir=directory / "uploads",
            data_dir=directory / "data",
            power_safe=durability == "power",
        ) as uploads,
    ):
        await asyncio.gather(*(upload_for_ever(sessions, uploads) for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
