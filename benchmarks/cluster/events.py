"""When clients at one node see what was acknowledged at another."""

import asyncio
import contextlib
import os
import statistics
import time
import uuid

import aiohttp

from benchmarks.cluster.drilling import temporary_drill
from benchmarks.load.scenarios import percentile
from tests.support.drills import Drill, Upload

_WATCHERS, _CHUNKS = 1000, 20
_INTERVAL = 0.5
A, B, C = range(3)


def main() -> None:
    """Watch an upload by 1,000 WebSockets at one node while another receives it."""
    with temporary_drill("events", PDFSLUICE_MAX_WEBSOCKETS=str(2 * _WATCHERS)) as drill:
        asyncio.run(_measure(drill))


async def _measure(drill: Drill) -> None:
    upload = await Upload.begun(drill, at=A, chunks=_CHUNKS)
    _, session = await upload.call(A, "GET", f"/api/documents/streaming/{upload.id}")
    ready = asyncio.Semaphore(0)
    arrivals: list[tuple[int, float]] = []
    acknowledged: dict[int, float] = {}

    async def watch(http: aiohttp.ClientSession) -> None:
        async with http.ws_connect(f"/ws/{uuid.uuid4()}") as socket:
            await socket.send_json({"type": "join", "room": session["websocket_room"]})
            async for message in socket:
                event = message.json()
                if event["type"] == "joined":
                    ready.release()
                elif event["type"] == "chunk_progress":
                    arrivals.append((event["chunk_id"], time.monotonic()))

    connector = aiohttp.TCPConnector(limit=0)
    base_url = drill.nodes[B].server.base_url
    async with aiohttp.ClientSession(base_url, connector=connector) as http:
        watchers = [asyncio.create_task(watch(http)) for _ in range(_WATCHERS)]
        for _ in watchers:
            await asyncio.wait_for(ready.acquire(), 120)
        await asyncio.sleep(2)  # the other nodes know of them
        for chunk in range(upload.chunks):
            await upload.put_all([A], [chunk])
            acknowledged[chunk] = time.monotonic()
            await asyncio.sleep(_INTERVAL)
        await asyncio.sleep(2)
        for task in watchers:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*watchers, return_exceptions=True)
    delays = [max(0.0, at - acknowledged[chunk]) * 1000 for chunk, at in arrivals]
    expected = _WATCHERS * upload.chunks
    p50, p99 = statistics.median(delays), percentile(delays, 0.99)
    print(f"{_WATCHERS} watchers at another node, load {os.getloadavg()[0]:.0f}")
    print(f"  events received          {len(delays)} of {expected}")
    print(f"  after the acknowledgement  p50 {p50:.0f} ms, p99 {p99:.0f} ms")
