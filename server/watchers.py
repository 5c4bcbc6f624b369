"""Who watches which uploads, and the hand-over of events to them.

Publishing never waits for a watcher. Each has a bounded queue; of the progress of one upload
only the latest waits in it. Whoever still lets it fill up is dropped and may come again.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from pdfsluice.core.events import Event, SessionEvent, ShuttingDown, UploadProgress
from pdfsluice.core.models import Principal, Session

from .messages import Message

QUEUE_LIMIT = 512
"""Messages that may wait for one watcher."""
_BATCH = 50

Client = tuple[str, str]
KeyT = TypeVar("KeyT")


class Watcher:
    """One WebSocket: what waits to be sent to it.

    Args:
        principal: Who watches.
        client_id: What the client calls itself; its uploads are joined unasked.
        full: Whether it wants all detail.
        drop: Cuts the connection; called when the queue overflows.

    Attributes:
        rooms: Ids of the sessions that it watches.
    """

    def __init__(
        self, principal: Principal, client_id: str, *, full: bool, drop: Callable[[], None]
    ) -> None:
        self.principal = principal
        self.client_id = client_id
        self.full = full
        self.rooms: set[str] = set()
        self._drop = drop
        self._queue: deque[tuple[tuple[str, str] | None, bytes]] = deque()
        self._latest: dict[tuple[str, str], bytes] = {}
        self._ready = asyncio.Event()
        self._ended = False

    def put(self, message: Message) -> None:
        """Queue a message; a newer one of the same key takes the older one's place."""
        text = message.text(full=self.full)
        if text is not None:
            self.put_text(text, message.key)

    def put_text(self, text: bytes, key: tuple[str, str] | None = None) -> None:
        """Queue a text that is ready to be sent."""
        if self._ended:
            return
        if len(self._queue) >= QUEUE_LIMIT:
            self._queue.clear()
            self.end()
            self._drop()
            return
        if key is None or key not in self._latest:
            self._queue.append((key, text))
        if key is not None:
            self._latest[key] = text
        self._ready.set()

    def end(self) -> None:
        """Let the queue end; what is in it is still sent."""
        self._ended = True
        self._ready.set()

    async def next(self) -> bytes | None:
        """Return the next message; ``None`` when there will be no more."""
        while not self._queue:
            if self._ended:
                return None
            self._ready.clear()
            await self._ready.wait()
        key, text = self._queue.popleft()
        return text if key is None else self._latest.pop(key)


class Watchers:
    """All watchers of this process; an event sink."""

    def __init__(self) -> None:
        self._all: set[Watcher] = set()
        self._rooms: defaultdict[str, set[Watcher]] = defaultdict(set)
        self._clients: defaultdict[Client, set[Watcher]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, watcher: Watcher) -> None:
        """Take a watcher in."""
        self._all.add(watcher)
        self._clients[_client(watcher)].add(watcher)

    def remove(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        self._all.discard(watcher)
        _discard(self._clients, _client(watcher), watcher)
        for session_id in list(watcher.rooms):
            self.leave(watcher, session_id)

    def join(self, watcher: Watcher, session_id: str) -> None:
        """Let a watcher hear of a session; whether it may is for the caller to know."""
        watcher.rooms.add(session_id)
        self._rooms[session_id].add(watcher)

    def leave(self, watcher: Watcher, session_id: str) -> None:
        """Let a watcher hear no more of a session."""
        watcher.rooms.discard(session_id)
        _discard(self._rooms, session_id, watcher)

    def follow(self, session: Session) -> None:
        """Join the watchers that belong to the client of a session."""
        self._follow(session.id, session.owner, session.client_id)

    async def handle(self, event: Event) -> None:
        """Hand an event to those whom it concerns, letting others run in between."""
        audience: Iterable[Watcher] = tuple(self._all)
        if isinstance(event, SessionEvent):
            if isinstance(event, UploadProgress):
                self._follow(event.session_id, event.owner, event.client_id)
            audience = tuple(self._rooms.get(event.session_id, ()))
        message = Message(event)
        for number, watcher in enumerate(audience, 1):
            watcher.put(message)
            if number % _BATCH == 0:
                await asyncio.sleep(0)
        if isinstance(event, ShuttingDown):
            self.end()

    def end(self) -> None:
        """Send what is queued, then let everybody go."""
        for watcher in self._all:
            watcher.end()

    def _follow(self, session_id: str, owner: str, client_id: str) -> None:
        if client_id:
            for watcher in self._clients.get((owner, client_id), ()):
                self.join(watcher, session_id)


def _client(watcher: Watcher) -> Client:
    return watcher.principal.id, watcher.client_id


def _discard(groups: dict[KeyT, set[Watcher]], key: KeyT, watcher: Watcher) -> None:
    """Remove a watcher from a group, and the group when it is empty."""
    group = groups.get(key)
    if group is not None:
        group.discard(watcher)
        if not group:
            del groups[key]
