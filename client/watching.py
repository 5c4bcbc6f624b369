"""Follows an upload over the WebSocket, or by polling without one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress

from .errors import ClientError
from .events import (
    StatusEvent,
    UploadEvent,
    events_of,
    read_event,
)
from .models import UploadSession
from .retry import Patience, RetryPolicy
from .transport import Transport

_POLL_SECONDS = 1.0
_MAX_POLLS = 64


class Subscriber:
    """The subscriber of one session.

    Args:
        transport: Connection to the server.
        client_id: Names the WebSocket.
        ask: Returns the session as it stands.
        policy: How long the server may be away.
    """

    def __init__(
        self,
        transport: Transport,
        client_id: str,
        ask: Callable[[], Awaitable[UploadSession]],
        policy: RetryPolicy,
    ) -> None:
        self._transport = transport
        self._client_id = client_id
        self._ask = ask
        self._policy = policy

    async def events(self, session_id: str) -> AsyncGenerator[UploadEvent, None]:
        """Yield events until the session has ended.

        While there is no WebSocket the session is polled, so that the last event is always the
        :class:`StatusEvent` of the end. A WebSocket is tried again after some polls, and after
        twice as many each time that it fails.

        Raises:
            ClientError: There is no such session, or the server stays away for too long.
        """
        patience = Patience(self._policy)
        polls = 1
        while True:
            with suppress(ClientError):  # polling reports what it means for the session
                async with aclosing(self._connected(session_id)) as events:
                    async for event in events:
                        polls = 1
                        yield event
                        if _is_end(event):
                            return
            for _ in range(polls):
                session = await patience.retried(self._ask)
                patience.progressed()
                for event in events_of(session):
                    yield event
                    if _is_end(event):
                        return
                await asyncio.sleep(_POLL_SECONDS)
            polls = min(2 * polls, _MAX_POLLS)

    async def _connected(self, session_id: str) -> AsyncGenerator[UploadEvent, None]:
        room = f"upload_{session_id}"
        path = f"/ws/{self._client_id}"
        async with self._transport.listen(path, query={"detail": "full"}) as socket:
            await socket.send({"type": "join", "room": room})
            for event in events_of(await self._ask()):  # an end before the joining is not missed
                yield event
            async for text in socket:
                heard = read_event(text)
                if heard is None or getattr(heard, "session_id", session_id) != session_id:
                    continue
                yield heard


def _is_end(event: UploadEvent) -> bool:
    return isinstance(event, StatusEvent) and event.ended
