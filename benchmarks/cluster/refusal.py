"""What is committed of a file that was refused while other nodes received it."""

import asyncio
import uuid

from benchmarks.cluster.drilling import temporary_drill
from tests.support.drills import CHUNK, Drill, Upload
from tests.support.stored import hostile_pdf

_UPLOADS, _SENDERS = 20, 4
_LATER = """
SELECT count(*) FROM extents e JOIN sessions s ON s.id = e.session_id
WHERE s.id = '{}' AND e.xmin::text::bigint > s.xmin::text::bigint
"""
"""Extents that a later transaction committed than that of the refusal; clocks do not matter."""
A, B, C = range(3)


def main() -> None:
    """Send a dangerous file to three nodes in parallel; count what comes too late."""
    with temporary_drill("refusal") as drill:
        asyncio.run(_measure(drill))


async def _measure(drill: Drill) -> None:
    committed = excess = 0
    for _ in range(_UPLOADS):
        late, accepted = await _refuse(drill)
        committed += late
        excess = max(excess, accepted)
    print(f"{_UPLOADS} refused files, {3 * _SENDERS} requests at a time to three nodes")
    print(f"  commits after the refusal              {committed}")
    print(f"  most chunks accepted after its answer  {excess}, of {3 * _SENDERS - 1} in flight")


async def _refuse(drill: Drill) -> tuple[int, int]:
    """Return how many extents were committed, and chunks accepted, too late."""
    upload = Upload(drill, hostile_pdf(uuid.uuid4().hex, size=100 * CHUNK))
    await upload.initiate(A)
    await upload.put_all([A], range(1))
    chunks = iter(range(1, upload.chunks))
    refused = asyncio.Event()
    accepted = 0

    async def send(node: int) -> None:
        nonlocal accepted
        for chunk in chunks:
            status, answer = await upload.put(node, chunk)
            if status == 200:
                accepted += refused.is_set()
            elif status == 422:
                refused.set()
                return
            else:
                raise AssertionError((status, answer))

    await asyncio.gather(*(send(node) for node in (A, B, C) * _SENDERS))
    assert refused.is_set(), "it was not refused while it was sent"
    ((late,),) = drill.cluster.rows(_LATER.format(upload.id))
    return int(str(late)), accepted
