"""Clients that send different bytes to two nodes, and nodes that restart under load."""

import asyncio
import hashlib
import random
from functools import partial

import pytest

from tests.support.deployments import GROUP
from tests.support.drills import BALANCER, CHUNK, Drill, Upload
from tests.support.stored import get

pytestmark = pytest.mark.xdist_group(GROUP)
A, B, C = range(3)


@pytest.mark.parametrize(
    "uploads",
    [
        pytest.param(1, marks=pytest.mark.nightly, id="50 ranges"),
        pytest.param(20, marks=pytest.mark.nightly, id="1000 ranges"),
    ],
)
async def test_other_bytes_for_one_range_at_two_nodes(drill: Drill, uploads: int) -> None:
    """What was committed is what the stages saw, and what is published."""
    dice = random.Random(7)
    for _ in range(uploads):
        upload = await Upload.begun(drill, at=A, chunks=52)
        committed = bytearray(upload.data)
        for chunk in range(1, upload.chunks - 1):
            start = chunk * CHUNK
            own = upload.data[start : start + CHUNK]
            other = own[: CHUNK // 2] + dice.randbytes(100).hex().encode() + own[CHUNK // 2 + 200 :]
            nodes = dice.sample((A, B, C), 2)
            answers = await asyncio.gather(
                upload.put(nodes[0], chunk, own), upload.put(nodes[1], chunk, other)
            )
            accepted = [status == 200 for status, _ in answers]
            assert sum(accepted) <= 1, "a range has one content"
            assert all(status in {200, 409, 423, 503} for status, _ in answers), answers
            if accepted[1]:
                committed[start : start + CHUNK] = other
            elif not accepted[0]:  # one committed before its client was interrupted, or none
                for data in (own, other):
                    if (await upload.put(C, chunk, data))[0] == 200:
                        committed[start : start + CHUNK] = data
                        break
                else:
                    raise AssertionError("neither content is accepted")
        upload.data = bytes(committed)
        await upload.put_all([A, B, C], [0, upload.chunks - 1])
        document = await upload.complete(B)
        await upload.is_whole_once(C, document)


@pytest.mark.nightly
async def test_a_rolling_restart_fails_no_upload(drill: Drill) -> None:
    """Clients behind the balancer repeat what was refused; nothing else is asked of them."""
    restarted = asyncio.Event()

    async def send() -> int:
        count = 0
        while not restarted.is_set():
            upload = await Upload.begun(drill, at=BALANCER, chunks=8)
            await upload.put_all([BALANCER])
            document = await upload.complete(BALANCER)
            url = f"{drill.cluster.base_url}/api/documents/{document}/file"
            content = await upload.until_answered(partial(asyncio.to_thread, get, url))
            assert hashlib.sha256(content).hexdigest() == upload.sha256
            count += 1
        return count

    senders = [asyncio.create_task(send()) for _ in range(4)]
    try:
        for node in drill.nodes:
            assert await asyncio.to_thread(node.server.stop) == 0
            await asyncio.to_thread(node.server.start)
    finally:
        restarted.set()
    assert sum(await asyncio.gather(*senders)) > 4
