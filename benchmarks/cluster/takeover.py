"""How soon others continue after a holder was killed, and what clients notice."""

import asyncio
import statistics
import time

from benchmarks.cluster.drilling import temporary_drill
from benchmarks.load.scenarios import percentile
from tests.support.drills import NO_ANSWER, Drill, Upload
from tests.support.waiting import until

_KILLS, _UPLOADS = 5, 4
_CALM_SECONDS = 15.0
A, B, C = range(3)


def main() -> None:
    """Kill the holder of uploads that it publishes; measure when others have done so."""
    with temporary_drill("takeover") as drill:
        asyncio.run(_measure(drill))


async def _measure(drill: Drill) -> None:
    waits: list[float] = []
    calm: list[float] = []
    troubled: list[float] = []
    for _ in range(_KILLS):
        async with asyncio.TaskGroup() as group:
            answers: list[float] = []
            client = group.create_task(_send_chunks(drill, answers))
            await asyncio.sleep(_CALM_SECONDS)
            calm += answers
            answers.clear()
            waits += await _kill(drill)
            troubled += answers
            client.cancel()
        await drill.nodes[A].restart()
    print(f"{len(waits)} uploads, whose holder was killed, in {_KILLS} kills")
    print(
        f"  published by others after  {statistics.median(waits):.1f} s, at most {max(waits):.1f}"
    )
    for name, times in (("before a kill", calm), ("after it", troubled)):
        p50, p99 = statistics.median(times) * 1000, percentile(times, 0.99) * 1000
        print(f"  chunks at another node {name}: p50 {p50:.0f} ms, p99 {p99:.0f} ms")


async def _kill(drill: Drill) -> list[float]:
    """Kill the node that publishes uploads; return the seconds until each was done."""
    uploads = [await Upload.begun(drill, at=A) for _ in range(_UPLOADS)]
    for upload in uploads:
        await upload.put_all([A, B, C])
    drill.nodes[A].arm("before-put-document")
    waiting = [asyncio.create_task(upload.complete(B)) for upload in uploads]
    await until(lambda: drill.nodes[A].has_reached("before-put-document"))
    killed_at = time.monotonic()

    async def seconds(upload: Upload, task: "asyncio.Task[int]") -> float:
        document = await task
        after = time.monotonic() - killed_at
        await upload.is_whole_once(C, document)
        return after

    pairs = zip(uploads, waiting, strict=True)
    return list(await asyncio.gather(*(seconds(upload, task) for upload, task in pairs)))


async def _send_chunks(drill: Drill, answers: list[float]) -> None:
    """Send chunks to a node that lives on; note how long each answer takes."""
    while True:
        upload = await Upload.begun(drill, at=C, chunks=32)
        for chunk in range(upload.chunks):
            began = time.monotonic()
            if await upload.put(C, chunk) != NO_ANSWER:
                answers.append(time.monotonic() - began)
            await asyncio.sleep(0.05)
        await upload.call(C, "POST", f"/api/documents/streaming/cancel/{upload.id}", json={})
