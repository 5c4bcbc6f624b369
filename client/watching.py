"""Follows an upload over the WebSocket, and by polling where there is none."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from .errors import ClientError
from .events import StatusEvent, UploadEvent, events_of, read_event
from .models import UploadSession
from .retry import Patience, RetryPolicy
from .transport import Transport

_POLL_SECONDS = 1.0


class Watcher:
    """Watches one session.

    Args:
        transport: The way to the server.
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

        A lost WebSocket is opened again; in between the session is polled, so that the last
        event is always the :class:`StatusEvent` of the end.

        Raises:
            ClientError: There is no such session, or the server stays away for too long.
        """
        patience = Patience(self._policy, lambda _error, _pause: None)
        attempt = 0
        while True:
            try:
                async for event in self._connected(session_id):
                    patience.progressed()
                    attempt = 0
                    yield event
                    if isinstance(event, StatusEvent) and event.ended:
                        return
            except ClientError as error:
                if error.retryable:
                    attempt += 1
                    await patience.wait(error, attempt)
                    continue
            # The socket was closed or refused: see how things stand, then try it again.
            for event in events_of(await self._ask()):
                yield event
                if isinstance(event, StatusEvent) and event.ended:
                    return
            await asyncio.sleep(_POLL_SECONDS)

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
