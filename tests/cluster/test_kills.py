"""Nodes are killed at named calls of their stores; nothing acknowledged is lost or doubled.

The table in ``docs/explanation/cluster.md`` names the test of each failure.
"""

import asyncio
import signal

import pytest

from tests.support.deployments import GROUP
from tests.support.drills import CHUNK, NO_ANSWER, PREFIX, Drill, Upload
from tests.support.waiting import until

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.nightly]
NIGHTLY = pytest.mark.nightly
A, B, C = range(3)


@pytest.mark.parametrize(
    "point",
    [
        "after-put-segment",
        pytest.param("before-put-segment", marks=NIGHTLY),
        pytest.param("after-commit", marks=NIGHTLY),
    ],
)
async def test_a_node_is_killed_in_a_chunk(drill: Drill, point: str) -> None:
    """The client sends the chunk to another node, whether or not it was committed."""
    upload = await Upload.begun(drill, at=B)
    await upload.put_all([B], range(2))
    drill.nodes[A].arm(point)
    try:
        assert await upload.put(A, 2) == NO_ANSWER
        assert drill.nodes[A].has_reached(point)
        status, answer = await upload.put(C, 2)
        assert status == 200, answer
        await upload.put_all([B, C], range(3, upload.chunks))
        document = await upload.complete(C)
        await upload.is_whole_once(B, document)
    finally:
        await drill.nodes[A].restart()


@pytest.mark.parametrize(
    "point",
    [
        "before-put-document",
        *(
            pytest.param(point, marks=NIGHTLY)
            for point in (
                "before-state-importing",
                "after-state-importing",
                "after-put-document",
                "before-delete-objects",
                "after-delete-objects",
                "before-complete-upload",
                "after-complete-upload",
            )
        ),
    ],
)
async def test_the_holder_is_killed_while_it_completes(drill: Drill, point: str) -> None:
    """The client has asked another node to complete, which answers when the holder is back."""
    upload = await Upload.begun(drill, at=A)
    await upload.put_all([A, B, C])
    drill.nodes[A].arm(point)
    waiting = asyncio.create_task(upload.complete(B))
    try:
        await until(lambda: drill.nodes[A].has_reached(point))
        await drill.nodes[A].restart()
        document = await waiting
        assert document == await upload.complete(C)
        await upload.is_whole_once(A, document)
    finally:
        waiting.cancel()


@NIGHTLY
async def test_others_take_over_within_20_seconds(drill: Drill) -> None:
    """Nothing starts the dead node again."""
    scanning = await Upload.begun(drill, at=A)
    await scanning.put_all([A, B], range(3))
    publishing = await Upload.begun(drill, at=A)
    await publishing.put_all([A, B])
    drill.nodes[A].arm("before-put-document")
    waiting = asyncio.create_task(publishing.complete(B))
    try:
        await until(lambda: drill.nodes[A].has_reached("before-put-document"))
        began = asyncio.get_running_loop().time()
        document = await waiting
        await scanning.put_all([B, C], range(3, scanning.chunks))
        scanned = await scanning.complete(C)
        seconds = asyncio.get_running_loop().time() - began
        assert seconds < 20 + 5, seconds  # others of the machine's load
        await publishing.is_whole_once(B, document)
        await scanning.is_whole_once(B, scanned)
    finally:
        waiting.cancel()
        await drill.nodes[A].restart()


async def test_a_node_is_killed_in_a_body(drill: Drill) -> None:
    upload = await Upload.begun(drill, at=A)
    half = upload.data[: CHUNK // 2]
    server = drill.nodes[A].server
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(
            f"PUT {PREFIX}/chunk/{upload.id}?chunk_id=0 HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {CHUNK}\r\n\r\n".encode()
            + half
        )
        await writer.drain()
        await until(lambda: server.process is not None)
        drill.nodes[A].signal(signal.SIGKILL)
        await upload.put_all([B, C])
        await upload.is_whole_once(C, await upload.complete(B))
    finally:
        writer.close()
        await drill.nodes[A].restart()
