"""How many rooms a WebSocket can be in: ended uploads make room for others."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse

from pdfsluice.server.websocket.sinks import SUBSCRIBERS
from tests.support.web import WebServer

DATA = b"%PDF-1.7 " + bytes(1000)
MOST = 3


@pytest.fixture(autouse=True)
def _few_rooms(web: WebServer) -> None:
    """A thousand uploads would show the same, more slowly."""
    web.app[SUBSCRIBERS].max_rooms = MOST


async def joined(socket: ClientWebSocketResponse, session: dict[str, Any]) -> bool:
    """Ask to join a room; return whether that is granted."""
    await socket.send_json({"type": "join", "room": session["websocket_room"]})
    async with asyncio.timeout(60):
        while True:
            answer = await socket.receive_json()
            if answer["type"] in {"joined", "error"}:
                return bool(answer["type"] == "joined")


async def finish(web: WebServer, session: dict[str, Any]) -> None:
    await web.put(session["session_id"], DATA, 0)
    async with web.http.post(
        f"/api/documents/streaming/complete/{session['session_id']}"
    ) as response:
        assert response.status == 200


async def told_of_end(socket: ClientWebSocketResponse, session: dict[str, Any]) -> None:
    async with asyncio.timeout(60):
        while True:
            event = await socket.receive_json()
            if (
                event.get("session_id") == session["session_id"]
                and event.get("stage") == "completed"
            ):
                return


async def test_ended_uploads_do_not_use_up_the_rooms(web: WebServer) -> None:
    socket = await web.http.ws_connect("/ws/somebody?detail=full")
    for _ in range(3 * MOST):
        session = await web.initiate(DATA, check_duplicates=False)
        assert await joined(socket, session)
        await finish(web, session)
        await told_of_end(socket, session)
    await socket.close()


async def test_unfinished_uploads_keep_their_rooms(web: WebServer) -> None:
    socket = await web.http.ws_connect("/ws/somebody?detail=full")
    first, *others = [await web.initiate(DATA, check_duplicates=False) for _ in range(MOST + 1)]
    ended = await web.initiate(DATA, check_duplicates=False)
    await finish(web, ended)
    assert await joined(socket, ended)  # also one that has ended before
    assert all([await joined(socket, session) for session in others])
    assert not await joined(socket, first)
    assert await joined(socket, others[0])  # again
    await finish(web, others[0])
    await told_of_end(socket, others[0])
    assert await joined(socket, first)
    await socket.close()
