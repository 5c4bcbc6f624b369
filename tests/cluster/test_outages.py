"""The services of nodes fail: PostgreSQL restarts, a node is cut off, an answer is lost."""

import asyncio
import signal
import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.support.deployments import GROUP
from tests.support.drills import CHUNK, CLOCK_AHEAD, PREFIX, Drill, Upload
from tests.support.fault_proxy import LoseAnswer
from tests.support.stored import hostile_pdf
from tests.support.waiting import until

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.nightly]
A, B, C = range(3)
READY = "/health/ready"


async def is_ready(upload: Upload, node: int) -> bool:
    return (await upload.call(node, "GET", READY))[0] == 200


def has_ended(upload: Upload) -> bool:
    return upload.drill.state(upload.id) in {"completed", "cancelled"}


def leaves_no_segment(upload: Upload) -> bool:
    return not upload.drill.cluster.names(f"uploads/{upload.id}")


async def is_unready(upload: Upload, node: int) -> Any:
    """Return the checks of a node that is not ready; answers are a second old."""
    status, answer = await upload.call(node, "GET", READY)
    return answer["checks"] if status == 503 else None


async def test_postgresql_restarts(drill: Drill) -> None:
    """Requests are answered with 503 meanwhile; uploads continue, with the same holder."""
    upload = await Upload.begun(drill, at=A)
    await upload.put_all([A, B], range(2))
    postgresql = drill.cluster.backends.postgresql
    await asyncio.to_thread(postgresql.stop)
    try:
        for node in (A, B, C):
            status, answer = await upload.put(node, 2)
            assert status == 503, answer
            assert answer["code"] == "storage-failed"
            await until(partial(is_unready, upload, node))
    finally:
        await asyncio.to_thread(postgresql.start)
    await upload.put_all([A, B, C], range(2, upload.chunks))
    await upload.is_whole_once(C, await upload.complete(B))
    for node in (A, B, C):
        await until(partial(is_ready, upload, node))


async def test_a_node_is_cut_off_from_postgresql(drill: Drill) -> None:
    """It answers 503 to all, and the others continue without it."""
    upload = await Upload.begun(drill, at=A)
    await upload.put_all([A, B], range(2))
    with drill.nodes[A].database.closed():
        status, answer = await upload.put(A, 2)
        assert status == 503, answer
        await until(lambda: is_unready(upload, A))
        await upload.put_all([B, C], range(2, upload.chunks))
        document = await upload.complete(B)
        await upload.is_whole_once(C, document)
    await until(lambda: is_ready(upload, A))
    assert await upload.complete(A) == document
    other = await Upload.begun(drill, at=A)
    await other.put_all([A, B, C])
    await other.is_whole_once(B, await other.complete(C))


async def test_postgresql_does_not_answer_one_node(drill: Drill) -> None:
    """After ten seconds it answers 503 to all, also what waits already; others continue."""
    upload = await Upload.begun(drill, at=A)
    await upload.put_all([A, B], range(2))
    session = f"{PREFIX}/{upload.id}"
    with drill.nodes[A].database.frozen():
        waiting = asyncio.gather(upload.call(A, "GET", session), upload.put(A, 2))
        for status, answer in await waiting:
            assert status == 503, answer
            assert "cut off" in answer["message"]
            assert answer["details"]["retry_after"] > 0
        assert (await upload.call(A, "GET", "/api/documents"))[0] == 503
        assert "cut off" in (await until(lambda: is_unready(upload, A)))["stores"]
        assert "holds no uploads any more" in drill.nodes[A].server.log_path.read_text()
        await upload.put_all([B, C], range(2, upload.chunks))
        document = await upload.complete(B)
        await upload.is_whole_once(C, document)
    await until(lambda: is_ready(upload, A))
    assert await upload.complete(A) == document


async def test_the_clock_of_a_node_is_ahead(drill: Drill) -> None:
    """The clock of the database alone judges which nodes are live."""
    slow, fast = await Upload.begun(drill, at=A), await Upload.begun(drill, at=C)
    started = [await upload.call(B, "GET", f"{PREFIX}/{upload.id}") for upload in (slow, fast)]
    first, second = (datetime.fromisoformat(each["created_at"]) for _, each in started)
    assert second - first > CLOCK_AHEAD - timedelta(minutes=1)
    for upload, holder in ((slow, A), (fast, C)):
        await upload.put_all([A, B, C], range(4))
        query = f"SELECT node FROM holds WHERE session_id = '{upload.id}'"
        before = drill.cluster.rows(query)
        await asyncio.sleep(5)  # each node has looked at the rows twice
        assert drill.cluster.rows(query) == before
        await upload.put_all([B], [4])
        await upload.is_whole_once(holder, await upload.complete(B))


async def test_the_holder_is_cut_off_from_the_object_store(drill: Drill) -> None:
    """It is not ready and gives the reason; another node completes what it holds."""
    upload = await Upload.begun(drill, at=A)
    await upload.put_all([A, B], range(2))
    with drill.nodes[A].store.closed():
        status, answer = await upload.put(A, 2)
        assert status == 503, answer
        checks = await until(lambda: is_unready(upload, A))  # a balancer sends it no chunks
        assert "object store" in checks["stores"]
        await upload.put_all([B, C], range(2, upload.chunks))
        document = await upload.complete(B)
        await upload.is_whole_once(C, document)
    await until(lambda: is_ready(upload, A))


async def test_the_answer_of_the_object_store_is_lost(drill: Drill) -> None:
    """The object is sent once more under the same name; its chunk is committed once."""
    upload = await Upload.begun(drill, at=A)
    store = drill.nodes[A].store
    await upload.put_all([A], range(1))
    store.faults.extend(LoseAnswer() for _ in range(2))
    store.interrupt()
    await upload.put_all([A], range(1, upload.chunks))
    assert not store.faults
    await upload.is_whole_once(B, await upload.complete(C))


async def test_nothing_is_committed_after_a_refusal(drill: Drill) -> None:
    upload = Upload(drill, hostile_pdf(uuid.uuid4().hex, size=40 * CHUNK))
    await upload.initiate(A)
    await upload.put_all([A], range(1))
    statuses: list[int] = []

    async def send(node: int) -> None:
        for chunk in range(1 + node, upload.chunks, 3):
            status, _ = await upload.put(node, chunk)
            statuses.append(status)
            if status == 422:
                return

    await asyncio.gather(*map(send, (A, B, C)))
    assert statuses.count(422) >= 1
    assert drill.state(upload.id) == "rejected"
    later = "e.xmin::text::bigint > s.xmin::text::bigint"  # transactions; clocks differ
    query = f"SELECT count(*) FROM extents e JOIN sessions s ON s.id = e.session_id AND {later}"
    assert drill.cluster.rows(f"{query} WHERE s.id = '{upload.id}'") == [(0,)]
    for node in (A, B, C):
        assert (await upload.put(node, upload.chunks - 1))[0] == 422
    await until(lambda: not drill.cluster.names(f"uploads/{upload.id}"))


async def test_cancel_and_complete_at_different_nodes(drill: Drill) -> None:
    """Either ends the upload; the rows and the objects agree."""
    ends = set()
    for number in range(6):
        upload = await Upload.begun(drill, at=A, chunks=1)
        await upload.put_all([A, B])
        completing = upload.call(B, "POST", f"{PREFIX}/complete/{upload.id}", json={})
        cancelling = upload.call(C, "POST", f"{PREFIX}/cancel/{upload.id}", json={})
        first, second = (completing, cancelling) if number % 2 else (cancelling, completing)
        await asyncio.gather(first, second)
        await until(partial(has_ended, upload))
        state = drill.state(upload.id)
        rows = drill.cluster.rows(f"SELECT 1 FROM documents WHERE session_id = '{upload.id}'")
        assert len(rows) == (state == "completed")
        await until(partial(leaves_no_segment, upload))
        ends.add(state)
    assert ends


@pytest.mark.parametrize(
    "point",
    ["before-commit", "before-put-document", "before-complete-upload"],
)
async def test_a_stopped_holder_wakes_up(drill: Drill, point: str) -> None:
    """Another has finished its work meanwhile; what it still does changes nothing."""
    upload = await Upload.begun(drill, at=A)
    node = drill.nodes[A]
    await upload.put_all([A, B], range(upload.chunks - 1))
    node.arm(point, signal.SIGSTOP)
    last = asyncio.create_task(upload.put(A, upload.chunks - 1))
    try:
        if point != "before-commit":
            await last
            completing = asyncio.create_task(upload.complete(B))
        else:
            completing = None
        await until(lambda: node.has_reached(point))
        if completing is None:
            await upload.put_all([B], [upload.chunks - 1])
            completing = asyncio.create_task(upload.complete(B))
        document = await completing
        await upload.is_whole_once(C, document)
    finally:
        node.signal(signal.SIGCONT)
    status, _ = await last
    assert status in {0, 200, 409, 410, 503}
    await until(lambda: is_ready(upload, A))
    assert await upload.complete(A) == document
    await upload.is_whole_once(A, document)
