"""The WebSocket: documented shapes, rooms, replay, and slow readers."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from pdfsluice.core.models.events import MemoryWarning, ShuttingDown, UploadStatus
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.uploads.open_upload.progress import progress_event
from pdfsluice.plugins.api_keys.keys import revoking
from tests.support.keys import add_key, change_keys
from tests.support.waiting import until
from tests.support.web import (
    CHUNK,
    STREAMING,
    WebServer,
    a_server,
    body_of,
)

DATA = bytes(range(256)) * 1024  # four chunks
SPEC = Path(__file__).parents[4] / "shared" / "SPEC.md"
Event = dict[str, Any]


async def events_until(
    socket: ClientWebSocketResponse, wanted: Callable[[Event], bool]
) -> list[Event]:
    """Return the events up to the first that is wanted."""
    events: list[Event] = []
    async with asyncio.timeout(60):
        while not events or not wanted(events[-1]):
            events.append(await socket.receive_json())
    return events


async def connected(
    web: WebServer, path: str, headers: Mapping[str, str] | None = None
) -> ClientWebSocketResponse:
    """Open a WebSocket to a client without uploads, and wait until it receives events.

    The handshake ends before the server has looked for uploads of the client; one that is
    created in between may be reported as ``created``, or not before its next event.
    """
    socket = await web.http.ws_connect(path, headers=headers)
    await socket.send_json({"type": "ping"})
    assert await socket.receive_json() == {"type": "pong"}
    return socket


def of_type(name: str) -> Callable[[Event], bool]:
    return lambda event: event["type"] == name


def has_status(status: str) -> Callable[[Event], bool]:
    return lambda event: event["type"] == "upload_status" and event["status"] == status


async def watchers_of(web: WebServer, headers: Mapping[str, str] | None = None) -> int:
    """Return how many WebSockets the server has."""
    async with web.http.get("/metrics", headers=headers) as response:
        (count,) = re.findall(r"^pdfsluice_watchers (\S+)$", await response.text(), re.MULTILINE)
    return int(float(count))


def has_message(start: str) -> Callable[[Event], bool]:
    return lambda event: str(event.get("message", "")).startswith(start)


def documented_shapes() -> dict[str, Event]:
    """Return the event examples of the system's description, by type."""
    if not SPEC.exists():
        pytest.skip("the system's description is not here")
    blocks = re.findall(r"```json\n(.*?)```", SPEC.read_text(), re.DOTALL)
    shapes = (json.loads(block) for block in blocks)
    return {shape["type"]: shape for shape in shapes if isinstance(shape, dict) and "type" in shape}


def fits(value: Any, example: Any) -> bool:
    """Whether a value has the fields and types of an example; ``None`` is unknown."""
    if isinstance(example, dict):
        return value.keys() == example.keys() and all(fits(value[k], example[k]) for k in example)
    if isinstance(example, float):
        return isinstance(value, int | float)
    return value is None or isinstance(value, type(example))


async def test_events_have_the_documented_shapes(web: WebServer) -> None:
    shapes = documented_shapes()
    socket = await connected(web, "/ws/client_123")
    session = await web.initiate(DATA, client_id="client_123")
    for chunk_id in range(4):
        await web.put(session["session_id"], DATA, chunk_id)
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}"):
        pass
    web.runtime.events.publish(
        MemoryWarning(
            at=time.time(), memory_usage_mb=450.2, memory_limit_mb=500.0, warning="Close to it"
        )
    )
    events = await events_until(socket, of_type("memory_warning"))
    assert {event["type"] for event in events} == set(shapes)
    for event in events:
        assert fits(event, shapes[event["type"]]), event
    chunks = [event["chunk_id"] for event in events if event["type"] == "chunk_progress"]
    assert chunks == [0, 1, 2, 3]
    statuses = [event["status"] for event in events if event["type"] == "upload_status"]
    assert statuses[0] == "uploading"
    assert "processing" in statuses
    assert statuses[-1] == "completed"
    last = [event["data"] for event in events if event["type"] == "upload_progress"][-1]
    assert (last["uploaded_bytes"], last["total_bytes"]) == (len(DATA), len(DATA))
    assert (last["progress_percentage"], last["uploaded_chunks"]) == (100.0, 4)
    await socket.close()


async def test_a_subscriber_that_joins_receives_the_state_first(web: WebServer) -> None:
    session = await web.initiate(DATA)
    await web.put(session["session_id"], DATA, 0)
    socket = await web.http.ws_connect("/ws/somebody_else")
    room = session["websocket_room"]
    await socket.send_json({"type": "join", "room": room})
    joined, progress, status = [await socket.receive_json() for _ in range(3)]
    assert joined == {"type": "joined", "room": room}
    assert progress["type"] == "upload_progress"
    assert progress["data"]["uploaded_bytes"] == CHUNK
    assert (status["type"], status["status"]) == ("upload_status", "uploading")
    await web.put(session["session_id"], DATA, 1)
    await events_until(socket, of_type("chunk_progress"))
    await socket.send_json({"type": "leave", "room": room})
    assert (await events_until(socket, of_type("left")))[-1] == {"type": "left", "room": room}
    await web.put(session["session_id"], DATA, 2)
    await socket.send_json({"type": "ping"})
    assert await socket.receive_json() == {"type": "pong"}
    await socket.close()


async def test_a_client_that_comes_back_is_in_its_rooms(web: WebServer) -> None:
    session = await web.initiate(DATA, client_id="phone")
    await web.initiate(DATA, client_id="laptop")
    await web.put(session["session_id"], DATA, 0)
    socket = await web.http.ws_connect("/ws/phone")
    *progress, status = await events_until(socket, of_type("upload_status"))
    assert status["session_id"] == session["session_id"]
    assert {event["data"]["session_id"] for event in progress} == {session["session_id"]}
    await socket.close()


async def test_full_detail(web: WebServer) -> None:
    socket = await connected(web, "/ws/client_123?detail=full")
    bad = b"FORBIDDEN" + DATA
    session = await web.initiate(bad, client_id="client_123")
    with contextlib.suppress(AssertionError):  # a later chunk may be refused
        for chunk_id in range(session["total_chunks"]):
            await web.put(session["session_id"], bad, chunk_id)
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}"):
        pass
    events = await events_until(socket, has_status("rejected"))
    progress = next(event["data"] for event in events if event["type"] == "upload_progress")
    assert progress["client_id"] == "client_123"
    assert progress["filename"] == "test.pdf"
    assert {"stage", "received_bytes", "durable_bytes", "validated_bytes", "imported"} <= set(
        progress
    )
    (found,) = [event for event in events if event["type"] == "findings"]
    assert found["session_id"] == session["session_id"]
    assert found["findings"][0]["kind"] == "word"
    rejected = events[-1]
    assert rejected["code"] == "content-rejected"
    assert {"stage", "document_id", "progress"} <= set(rejected)
    await socket.close()


async def test_a_message_that_is_wrong(web: WebServer) -> None:
    socket = await web.http.ws_connect("/ws/client")
    for message in (
        "no json",
        "[]",
        '{"type": "dance"}',
        '{"type": "join"}',
        '{"type": "join", "room": 1}',
        '{"type": "join", "room": "upload_x"}',
        '{"type": "join", "room": "upload_8b7cdbb5-05b5-4b1c-8f4c-0d9a0c5a2f55"}',
    ):
        await socket.send_str(message)
        error = await socket.receive_json()
        assert error["type"] == "error", message
        assert error["code"] in {"bad-request", "session-not-found"}, message
        assert error["message"]
        await socket.send_json({"type": "ping"})
        assert await socket.receive_json() == {"type": "pong"}
    await socket.close()


async def test_bytes_and_overlong_messages(web: WebServer) -> None:
    socket = await web.http.ws_connect("/ws/client")
    await socket.send_bytes(b"\x00")
    assert (await socket.receive_json())["code"] == "bad-request"
    await socket.send_str("x" * 5000)
    message = await socket.receive()
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)


async def test_a_plain_request_to_the_websocket(web: WebServer) -> None:
    async with web.http.get("/ws/client") as response:
        assert response.status == 400
        assert (await body_of(response))["code"] == "bad-request"


async def test_uploads_of_others_cannot_be_watched(tmp_path: Path) -> None:
    ann, bob = (add_key(tmp_path, name, [Scope.UPLOAD]) for name in ("ann", "bob"))
    async with a_server(tmp_path) as web:
        spy = await connected(web, "/ws/client", bob)
        own = await connected(web, "/ws/client", ann)
        wanted = {"filename": "a.pdf", "file_size": 1000, "client_id": "client"}
        async with web.http.post(f"{STREAMING}/initiate", json=wanted, headers=ann) as response:
            session = await body_of(response)
        late = await web.http.ws_connect("/ws/client", headers=bob)
        for socket in (spy, late):
            await socket.send_json({"type": "join", "room": session["websocket_room"]})
        async with web.http.put(
            f"{session['upload_url']}?chunk_id=0", data=bytes(1000), headers=ann
        ) as response:
            assert response.status == 200
        await events_until(own, of_type("chunk_progress"))
        for socket in (spy, late):
            await socket.send_json({"type": "ping"})
            events = await events_until(socket, of_type("pong"))
            assert [event["type"] for event in events] == ["error", "pong"]
            assert events[0]["code"] == "session-not-found"
        for socket in (spy, own, late):
            await socket.close()


async def test_a_key_that_is_revoked_watches_no_longer(tmp_path: Path) -> None:
    ann, bob = (add_key(tmp_path, name, Scope) for name in ("ann", "bob"))
    async with a_server(tmp_path, websocket_heartbeat=2.0) as web:
        wanted = {"filename": "a.pdf", "file_size": len(DATA), "client_id": "me"}
        async with web.http.post(f"{STREAMING}/initiate", json=wanted, headers=ann) as response:
            session = await body_of(response)
        ended = await web.http.ws_connect("/ws/me", headers=ann)
        await events_until(ended, of_type("upload_status"))
        other = await connected(web, "/ws/me", bob)
        change_keys(tmp_path, revoking("ann", datetime.now(UTC)))
        async with asyncio.timeout(60):
            message = await ended.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 4401)
        web.runtime.events.publish(_status(session["session_id"], "not for ann any more"))
        await other.send_json({"type": "ping"})
        assert await other.receive_json() == {"type": "pong"}
        async with asyncio.timeout(60):

            async def watched() -> object:
                return await watchers_of(web, headers=bob) == 1

            await until(watched)
        await other.close()


async def test_many_subscribers_receive_everything(web: WebServer) -> None:
    sockets = [await connected(web, "/ws/crowd") for _ in range(50)]
    session = await web.initiate(DATA, client_id="crowd")
    for chunk_id in range(4):
        await web.put(session["session_id"], DATA, chunk_id)
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}"):
        pass
    for socket in sockets:
        events = await events_until(socket, has_status("completed"))
        assert sum(event["type"] == "chunk_progress" for event in events) == 4
    await asyncio.gather(*(socket.close() for socket in sockets))


def _status(session_id: str, message: str) -> UploadStatus:
    return UploadStatus(
        at=0,
        session_id=session_id,
        owner="local",
        status="uploading",
        stage="uploading",
        message=message,
    )


async def test_a_subscriber_that_does_not_read_is_dropped_and_delays_no_other(
    web: WebServer,
) -> None:
    """More is sent than the system's buffers and the queue of a watcher hold together."""
    sleepy = await connected(web, "/ws/sleepy")
    session = await web.initiate(DATA, client_id="sleepy")
    attentive = await connected(web, "/ws/attentive")
    await attentive.send_json({"type": "join", "room": session["websocket_room"]})
    await events_until(attentive, of_type("joined"))
    assert await watchers_of(web) == 2
    connection = sleepy._response.connection
    assert connection is not None
    transport = connection.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    for round_ in range(100):
        for number in range(50):
            message = f"{round_}.{number} " + "x" * 20_000
            web.runtime.events.publish(_status(session["session_id"], message))
        await events_until(attentive, has_message(f"{round_}.49 "))
        if await watchers_of(web) == 1:
            break
    else:
        pytest.fail("the one who does not read is still there")
    await attentive.send_json({"type": "ping"})
    await events_until(attentive, of_type("pong"))
    transport.abort()
    await attentive.close()


async def test_a_late_reader_receives_the_latest_progress_only(web: WebServer) -> None:
    late = await connected(web, "/ws/late")
    session = await web.initiate(DATA, client_id="late")
    connection = late._response.connection
    assert connection is not None
    transport = connection.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    stored = await web.runtime.uploads.get(LOCAL, session["session_id"])
    progress = progress_event(stored, web.runtime.uploads.counters(stored))
    many, words = 3000, "x" * 5000  # more than the buffers of the system hold
    for number in range(many):
        web.runtime.events.publish(replace(progress, message=f"{number} {words}"))
        if number % 100 == 0:
            await asyncio.sleep(0)
    async with asyncio.timeout(60):

        async def watched() -> object:
            return await watchers_of(web) == 1

        await until(watched)
    transport.resume_reading()
    heard = await events_until(
        late, lambda event: event["data"]["message"].startswith(f"{many - 1} ")
    )
    assert len(heard) < many
    await late.close()


async def test_messages_of_every_length(web: WebServer) -> None:
    session = await web.initiate(DATA, client_id="me")
    socket = await web.http.ws_connect("/ws/me")
    await events_until(socket, of_type("upload_status"))
    for length in (1, 125, 126, 65_535, 65_536, 200_000):
        web.runtime.events.publish(_status(session["session_id"], "x" * length))
        (event,) = await events_until(socket, has_message("x"))
        assert event["message"] == "x" * length
    await socket.close()


async def test_subscribers_receive_that_the_server_stops(web: WebServer) -> None:
    full = await connected(web, "/ws/client?detail=full")
    plain = await connected(web, "/ws/client")
    web.runtime.events.publish(ShuttingDown(at=0, retry_after=5))
    assert await full.receive_json() == {"type": "server_closing", "retry_after": 5}
    for socket in (full, plain):
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)
        assert socket.closed
