"""A runtime that is killed when the checkpoints of its stages are stored.

    python -m tests.support.killed_runtime FOLDER CHUNKS

Standard output has the id of the upload, of which all but the last chunk was sent.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.support.runtimes import initiate, send
from tests.support.sabotage import CHUNK, file, looked_at, saboteur_runtime


async def main(folder: Path, chunks: int) -> None:
    """Upload all chunks but the last, and be killed."""
    data = file("nothing", chunks)
    async with saboteur_runtime(folder, checkpoint_bytes=CHUNK) as runtime:
        session = await initiate(runtime, data)
        print(session.id, flush=True)
        for chunk in range(chunks - 1):
            await send(runtime, session, data, chunk)
            await looked_at(runtime, session, (chunk + 1) * CHUNK)
        while not await runtime.quarantine._sessions.checkpoints(session.id):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
