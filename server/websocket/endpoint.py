"""``/ws/{client_id}``: live progress of the caller's own uploads."""

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
from aiohttp import WSMsgType, web
from pydantic import Field

from pdfsluice.core.errors import PdfsluiceError, ProtocolError, RateLimited
from pdfsluice.core.models.sessions import Scope, Session
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.uploads.lifecycle import ENDED
from pdfsluice.core.uploads.open_upload.progress import progress_event, status_event
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.origins import WEBSOCKET_PROTOCOL, credentials
from pdfsluice.server.transport.parsing import Parameters, checked_id, read_query

from .access import AccessGuard
from .messages import Message
from .subscribers import Subscriber, Subscribers

logger = logging.getLogger(__name__)

_MAX_MESSAGE_SIZE = 4096
_MAX_CLIENT_ID_LENGTH = 200
_ROOM_PREFIX = "upload_"
_CLOSE_TIMEOUT = 5.0
"""Seconds in which a client may confirm that the connection is closed."""


class WatchQuery(Parameters):
    """The amount of detail that a subscriber receives."""

    detail: str = Field(
        "", pattern="^(full)?$", description="``full`` for counters, stages and findings."
    )


class Endpoint:
    """The WebSocket endpoint.

    Args:
        runtime: The running server.
        subscribers: All open WebSockets.
    """

    def __init__(self, runtime: Runtime, subscribers: Subscribers) -> None:
        self._runtime = runtime
        self._uploads = runtime.uploads
        self._subscribers = subscribers
        self._heartbeat = runtime.settings.websocket_heartbeat.total_seconds()
        self._max_per_principal = runtime.settings.max_websockets

    def routes(self) -> Iterator[Route]:
        """Return the one route; OpenAPI cannot describe it."""
        yield Route(
            method="GET",
            path="/ws/{client_id}",
            handler=self.serve,
            scopes=(Scope.READ, Scope.UPLOAD),
            summary="Watch uploads",
            tag="WebSocket",
            query=WatchQuery,
            answers={101: Answer("The connection is a WebSocket now.")},
            errors=(RateLimited,),
            listed=False,
        )

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until the client leaves, stalls, or loses its access.

        It ends also when the server stops.
        """
        full = read_query(request, WatchQuery).detail == "full"
        client_id = request.match_info["client_id"]
        if len(client_id) > _MAX_CLIENT_ID_LENGTH:
            raise ProtocolError(f"a client id has at most {_MAX_CLIENT_ID_LENGTH} characters")
        socket = web.WebSocketResponse(
            timeout=_CLOSE_TIMEOUT,
            heartbeat=self._heartbeat,
            max_msg_size=_MAX_MESSAGE_SIZE,
            protocols=(WEBSOCKET_PROTOCOL,),
            compress=False,
        )
        if not socket.can_prepare(request):
            raise ProtocolError("this path serves WebSockets only", hint="Open it as ws://...")
        limit = self._max_per_principal
        with self._subscribers.connection_of(request[PRINCIPAL], limit=limit):
            await self._serve(request, socket, client_id, full=full)
        return socket

    async def _serve(
        self, request: web.Request, socket: web.WebSocketResponse, client_id: str, *, full: bool
    ) -> None:
        await socket.prepare(request)
        transport = request.transport
        if transport is None:  # the client has left
            return
        subscriber = Subscriber(
            request[PRINCIPAL],
            client_id,
            full=full,
            transport=transport,
            drop=partial(_drop, transport),
        )
        self._subscribers.add(subscriber)
        guard = AccessGuard(
            self._runtime.authenticate,
            credentials(request),
            subscriber,
            interval=self._heartbeat,
        )
        closing = asyncio.create_task(_close_at_end(socket, transport, subscriber))
        guarding = asyncio.create_task(guard.run())
        try:
            await self._join_own(subscriber)
            await self._listen(socket, subscriber)
        finally:
            self._subscribers.remove(subscriber)
            subscriber.end()
            guarding.cancel()
            await closing

    async def _join_own(self, subscriber: Subscriber) -> None:
        own = await self._uploads.resumable(subscriber.principal, client_id=subscriber.client_id)
        for session in own:
            self._join(subscriber, session)

    async def _listen(self, socket: web.WebSocketResponse, subscriber: Subscriber) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                _reply(subscriber, type="error", code="bad-request", message="text is expected")
                continue
            try:
                await self._handle(subscriber, _read(message.data))
            except PdfsluiceError as error:
                _reply(subscriber, type="error", code=error.code, message=error.message)

    async def _handle(self, subscriber: Subscriber, request: dict[str, Any]) -> None:
        match request:
            case {"type": "ping"}:
                _reply(subscriber, type="pong")
            case {"type": "join", "room": str(room)}:
                session = await self._uploads.get(subscriber.principal, _session_id(room))
                if not self._subscribers.may_join(subscriber, session.id):
                    limit = self._subscribers.max_rooms
                    raise ProtocolError(
                        f"a connection may be in the rooms of {limit} unfinished uploads"
                    )
                _reply(subscriber, type="joined", room=room)
                self._join(subscriber, session)
            case {"type": "leave", "room": str(room)}:
                self._subscribers.leave(subscriber, _session_id(room))
                _reply(subscriber, type="left", room=room)
            case _:
                raise ProtocolError("known are ping, and join and leave with a room")

    def _join(self, subscriber: Subscriber, session: Session) -> None:
        """Subscribe to a session, and send its present state first."""
        self._subscribers.join(subscriber, session.id, over=session.state in ENDED)
        counters = self._uploads.counters(session)
        last_chunk = max(0, session.complete_chunks - 1)
        subscriber.put(Message(progress_event(session, counters, last_chunk)))
        subscriber.put(Message(status_event(session)))


async def _close_at_end(
    socket: web.WebSocketResponse, transport: asyncio.Transport, subscriber: Subscriber
) -> None:
    """Close the connection when the subscriber has ended, by force if need be."""
    await subscriber.ended.wait()
    reason = subscriber.close_reason
    try:
        await socket.close(code=reason.code, message=reason.reason)
    except Exception:
        logger.warning("a WebSocket could not be closed in order", exc_info=True)
        transport.abort()


def _drop(transport: asyncio.Transport) -> None:
    logger.info("a WebSocket that does not keep up is closed")
    transport.abort()


def _reply(subscriber: Subscriber, **message: str) -> None:
    subscriber.put_text(orjson.dumps(message))


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
