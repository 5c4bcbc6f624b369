"""``/ws/{client_id}``: live progress of the caller's own uploads."""

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from pdfsluice.core.errors import AuthenticationError, PdfsluiceError, ProtocolError
from pdfsluice.core.models import Scope, Session
from pdfsluice.core.plugins.ports.access import Credentials
from pdfsluice.core.runtime import Runtime
from pdfsluice.core.uploads.lifecycle import ENDED
from pdfsluice.core.uploads.progress import progress_event, status_event
from pdfsluice.server.api.requests import WatchQuery, read_query
from pdfsluice.server.api.uploads import checked_id
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.origins import WEBSOCKET_PROTOCOL, credentials

from .messages import Message
from .subscribers import MOST_ROOMS, Subscriber, Subscribers

logger = logging.getLogger(__name__)

_LONGEST_MESSAGE = 4096
_LONGEST_CLIENT_ID = 200
_ROOM_PREFIX = "upload_"
_CLOSE_SECONDS = 5.0
"""How long a client may take to confirm that the connection is closed."""


class Endpoint:
    """Serves WebSockets."""

    def __init__(self, runtime: Runtime, watchers: Subscribers) -> None:
        self._runtime = runtime
        self._uploads = runtime.uploads
        self._watchers = watchers
        self._heartbeat = runtime.settings.websocket_heartbeat.total_seconds()

    def routes(self) -> Iterator[Route]:
        """Return the one route; a description of HTTP has no words for it."""
        yield Route(
            method="GET",
            path="/ws/{client_id}",
            handler=self.serve,
            scopes=(Scope.READ, Scope.UPLOAD),
            summary="Watch uploads",
            tag="WebSocket",
            query=WatchQuery,
            answers={101: Answer("The connection is a WebSocket now.")},
            listed=False,
        )

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Speak with one client until it goes, is too slow, or may not any longer.

        It goes also when the server stops.
        """
        full = read_query(request, WatchQuery).detail == "full"
        client_id = request.match_info["client_id"]
        if len(client_id) > _LONGEST_CLIENT_ID:
            raise ProtocolError(f"a client id has {_LONGEST_CLIENT_ID} characters at most")
        socket = web.WebSocketResponse(
            timeout=_CLOSE_SECONDS,
            heartbeat=self._heartbeat,
            max_msg_size=_LONGEST_MESSAGE,
            protocols=(WEBSOCKET_PROTOCOL,),
            compress=False,
        )
        if not socket.can_prepare(request):
            raise ProtocolError("this path speaks WebSocket only", hint="Open it as ws://...")
        await socket.prepare(request)
        transport = request.transport
        if transport is None:  # gone already
            return socket
        watcher = Subscriber(
            request[PRINCIPAL],
            client_id,
            full=full,
            transport=transport,
            drop=partial(_drop, transport),
        )
        self._watchers.add(watcher)
        closing = asyncio.create_task(_close_at_end(socket, watcher))
        guarding = asyncio.create_task(self._guard(credentials(request), watcher))
        try:
            await self._join_own(watcher)
            await self._listen(socket, watcher)
        finally:
            guarding.cancel()
            self._watchers.remove(watcher)
            watcher.end()
            await closing
        return socket

    async def _guard(self, shown: Credentials, watcher: Subscriber) -> None:
        """Ask with every heartbeat whether the client's key still counts."""
        while not watcher.ended.is_set():
            await asyncio.sleep(self._heartbeat)
            try:
                known = await self._runtime.authenticate(shown) == watcher.principal
            except AuthenticationError:
                known = False
            except PdfsluiceError as error:  # nobody new is let in meanwhile
                logger.warning("a watcher's key could not be checked: %s", error.message)
                continue
            if not known:
                logger.info("a watcher whose key is void is dismissed")
                watcher.dismiss()

    async def _join_own(self, watcher: Subscriber) -> None:
        own = await self._uploads.resumable(watcher.principal, client_id=watcher.client_id)
        for session in own:
            self._join(watcher, session)

    async def _listen(self, socket: web.WebSocketResponse, watcher: Subscriber) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                _tell(watcher, type="error", code="bad-request", message="text is expected")
                continue
            try:
                await self._obey(watcher, _read(message.data))
            except PdfsluiceError as error:
                _tell(watcher, type="error", code=error.code, message=error.message)

    async def _obey(self, watcher: Subscriber, request: dict[str, Any]) -> None:
        match request:
            case {"type": "ping"}:
                _tell(watcher, type="pong")
            case {"type": "join", "room": str(room)}:
                session = await self._uploads.get(watcher.principal, _session_id(room))
                if not watcher.may_join(session.id):
                    raise ProtocolError(
                        f"a connection may be in the rooms of {MOST_ROOMS} unfinished uploads"
                    )
                _tell(watcher, type="joined", room=room)
                self._join(watcher, session)
            case {"type": "leave", "room": str(room)}:
                self._watchers.leave(watcher, _session_id(room))
                _tell(watcher, type="left", room=room)
            case _:
                raise ProtocolError("known are ping, and join and leave with a room")

    def _join(self, watcher: Subscriber, session: Session) -> None:
        """Let a watcher hear of a session, and first of how it stands."""
        self._watchers.join(watcher, session.id, over=session.state in ENDED)
        counters = self._uploads.counters(session)
        last_chunk = max(0, session.complete_chunks - 1)
        watcher.put(Message(progress_event(session, counters, last_chunk)))
        watcher.put(Message(status_event(session)))


async def _close_at_end(socket: web.WebSocketResponse, watcher: Subscriber) -> None:
    """Close the connection when the watcher is told nothing more."""
    await watcher.ended.wait()
    await socket.close(code=watcher.farewell.code, message=watcher.farewell.reason)


def _drop(transport: asyncio.Transport) -> None:
    logger.info("a watcher does not keep up and is dropped")
    transport.abort()


def _tell(watcher: Subscriber, **message: str) -> None:
    watcher.put_text(orjson.dumps(message))


def _read(text: str) -> dict[str, Any]:
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError:
        request = None
    if not isinstance(request, dict):
        raise ProtocolError("a JSON object is expected")
    return request


def _session_id(room: str) -> str:
    return checked_id(room.removeprefix(_ROOM_PREFIX))
