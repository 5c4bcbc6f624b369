"""The subscribers of upload events, and the delivery of events to them.

Publishing never waits for a subscriber. A message is encoded as a frame once and written to
each connection. If a connection is backed up, frames wait in a bounded queue that keeps only
the latest progress of each upload. A subscriber whose queue is full is disconnected and may
connect again.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from pdfsluice.core.errors import RateLimited
from pdfsluice.core.models.events import (
    Event,
    SessionEvent,
    ShuttingDown,
    UploadProgress,
    UploadStatus,
)
from pdfsluice.core.models.sessions import Principal, Session
from pdfsluice.core.uploads.lifecycle import ENDED

from .messages import EVENTS, Key, Message, frame_of

MAX_QUEUED = 512
"""Messages that may wait for one subscriber."""
_MAX_ROOMS = 1000
_MAX_BUFFERED = 64 * 1024
_FLUSH_INTERVAL = 0.05
_STALL_TIMEOUT = 15.0
_MAX_BATCH = 50
_RETRY_AFTER_SECONDS = 60.0
_ENDED = frozenset(state.value for state in ENDED)

Client = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CloseReason:
    """Why a connection is closed (RFC 6455, 7.1.5 and 7.1.6).

    Attributes:
        code: Status code.
        reason: Text for people.
    """

    code: int
    reason: bytes


STOPPING = CloseReason(1001, b"the server is stopping")
NOT_ALLOWED = CloseReason(4401, b"the key is no longer valid")
"""Codes from 4000 belong to the application; this one is HTTP's 401."""
CHECK_FAILED = CloseReason(1011, b"the key could not be checked; connect again")
"""RFC 6455, 7.4.1: the server met an unexpected condition."""
KeyT = TypeVar("KeyT")


class Subscriber:
    """One WebSocket, as far as events are concerned.

    Args:
        principal: The caller that connected.
        client_id: The name that the client gave itself; its uploads are joined by themselves.
        full: Whether it asked for all detail.
        transport: The connection; frames are written to it whole.
        drop: Aborts the connection of a subscriber that does not keep up.

    Attributes:
        rooms: Ids of the sessions that it watches, and whether each has ended. An ended
            session can still have events: its import continues.
        ended: Set when nothing more will be sent.
        close_reason: Sent when the connection is closed.
    """

    def __init__(
        self,
        principal: Principal,
        client_id: str,
        *,
        full: bool,
        transport: asyncio.Transport,
        drop: Callable[[], None],
    ) -> None:
        self.principal = principal
        self.client_id = client_id
        self.full = full
        self.rooms: dict[str, bool] = {}
        self.ended = asyncio.Event()
        self.close_reason = STOPPING
        self._transport = transport
        self._drop = drop
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[Key | None, bytes]] = deque()
        self._latest: dict[Key, bytes] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._stalled_since = 0.0

    def put(self, message: Message) -> None:
        """Send an event, if it concerns a subscriber of this kind."""
        frame = message.frame(full=self.full)
        if frame is not None:
            self._put(frame, message.key)

    def put_text(self, text: bytes) -> None:
        """Send a message that concerns this subscriber alone."""
        self._put(frame_of(text), None)

    def end(self) -> None:
        """Write what is queued, and send nothing more."""
        if self.ended.is_set():
            return
        if self._timer is not None:
            self._timer.cancel()
        while self._queue:
            self._transport.write(self._pop())
        self.ended.set()

    def disconnect(self, reason: CloseReason = NOT_ALLOWED) -> None:
        """Send nothing more, not even what is queued, and close the connection."""
        if self.ended.is_set():
            return
        self._queue.clear()
        self._latest.clear()
        self.close_reason = reason
        self.end()

    def _put(self, frame: bytes, key: Key | None) -> None:
        if self.ended.is_set() or self._transport.is_closing():
            return
        if not self._queue and self._has_space():
            self._transport.write(frame)
        elif len(self._queue) >= MAX_QUEUED:
            self._give_up()
        else:
            self._wait(frame, key)

    def _has_space(self) -> bool:
        return self._transport.get_write_buffer_size() < _MAX_BUFFERED

    def _wait(self, frame: bytes, key: Key | None) -> None:
        """Queue a frame; a newer one of the same key takes the older one's place."""
        if key is None or key not in self._latest:
            self._queue.append((key, frame))
        if key is not None:
            self._latest[key] = frame
        if self._timer is None:
            self._stalled_since = self._loop.time()
            self._timer = self._loop.call_later(_FLUSH_INTERVAL, self._flush)

    def _pop(self) -> bytes:
        key, frame = self._queue.popleft()
        return frame if key is None else self._latest.pop(key)

    def _flush(self) -> None:
        """Write what the connection takes now, and continue later if that is not all."""
        self._timer = None
        now = self._loop.time()
        while self._queue and self._has_space():
            self._transport.write(self._pop())
            self._stalled_since = now
        if now - self._stalled_since > _STALL_TIMEOUT:
            self._give_up()
        elif self._queue:
            self._timer = self._loop.call_later(_FLUSH_INTERVAL, self._flush)

    def _give_up(self) -> None:
        self._queue.clear()
        self._latest.clear()
        self._drop()


class Subscribers:
    """All subscribers of this process; an event sink.

    Attributes:
        max_rooms: Rooms that a connection may join; it leaves those of ended uploads first.
        events: The kinds of events that it needs; none while there are no subscribers.
    """

    def __init__(self) -> None:
        self.max_rooms = _MAX_ROOMS
        self.events: set[type[Event]] = set()
        self._all: set[Subscriber] = set()
        self._rooms: defaultdict[str, set[Subscriber]] = defaultdict(set)
        self._clients: defaultdict[Client, set[Subscriber]] = defaultdict(set)
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    @contextmanager
    def connection_of(self, principal: Principal, *, limit: int) -> Iterator[None]:
        """Count a connection of a principal until the context is left.

        Raises:
            RateLimited: The principal has ``limit`` connections already.
        """
        if self._counts[principal.id] >= limit:
            raise RateLimited(
                f"{limit} WebSockets are open, and no more are allowed",
                retry_after=_RETRY_AFTER_SECONDS,
                hint="Close some of them; one connection can watch many uploads.",
            )
        self._counts[principal.id] += 1
        try:
            yield
        finally:
            self._counts -= Counter((principal.id,))  # drops what reaches 0

    def add(self, subscriber: Subscriber) -> None:
        """Register a subscriber."""
        self._all.add(subscriber)
        self.events |= EVENTS
        self._clients[_client(subscriber)].add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a subscriber from all rooms."""
        self._all.discard(subscriber)
        if not self._all:
            self.events.clear()
        _discard(self._clients, _client(subscriber), subscriber)
        for session_id in list(subscriber.rooms):
            self.leave(subscriber, session_id)

    def may_join(self, subscriber: Subscriber, session_id: str) -> bool:
        """Return whether it has joined the room already, or can join one more."""
        rooms = subscriber.rooms
        return session_id in rooms or len(rooms) < self.max_rooms or any(rooms.values())

    def join(self, subscriber: Subscriber, session_id: str, *, over: bool = False) -> None:
        """Subscribe to a session's events; the caller has checked the permission.

        If it is in too many rooms, it leaves those of ended sessions, the oldest first.

        Args:
            subscriber: The connection that joins.
            session_id: The session.
            over: Whether the session has ended.
        """
        if session_id not in subscriber.rooms and len(subscriber.rooms) >= self.max_rooms:
            ended = [room for room, has_ended in subscriber.rooms.items() if has_ended]
            for room in ended[: len(subscriber.rooms) - self.max_rooms + 1]:
                self.leave(subscriber, room)
        subscriber.rooms.setdefault(session_id, over)
        self._rooms[session_id].add(subscriber)

    def leave(self, subscriber: Subscriber, session_id: str) -> None:
        """Unsubscribe from the events of a session."""
        subscriber.rooms.pop(session_id, None)
        _discard(self._rooms, session_id, subscriber)

    def follow(self, session: Session) -> None:
        """Join the subscribers that belong to the client of a session."""
        self._follow(session.id, session.owner, session.client_id)

    async def handle(self, event: Event) -> None:
        """Send an event to its subscribers; other tasks run in between."""
        audience: Iterable[Subscriber] = tuple(self._all)
        if isinstance(event, SessionEvent):
            if isinstance(event, UploadProgress):
                self._follow(event.session_id, event.owner, event.client_id)
            audience = tuple(self._rooms.get(event.session_id, ()))
        message = Message(event)
        for number, subscriber in enumerate(audience, 1):
            subscriber.put(message)
            if isinstance(event, UploadStatus) and event.session_id in subscriber.rooms:
                subscriber.rooms[event.session_id] = event.status in _ENDED
            if number % _MAX_BATCH == 0:
                await asyncio.sleep(0)
        if isinstance(event, ShuttingDown):
            self.end()

    def end(self) -> None:
        """Send all subscribers what is queued, then close their connections."""
        for subscriber in self._all:
            subscriber.end()

    def _follow(self, session_id: str, owner: str, client_id: str) -> None:
        if client_id:
            for subscriber in self._clients.get((owner, client_id), ()):
                self.join(subscriber, session_id)


def _client(subscriber: Subscriber) -> Client:
    return subscriber.principal.id, subscriber.client_id


def _discard(groups: dict[KeyT, set[Subscriber]], key: KeyT, subscriber: Subscriber) -> None:
    """Remove a subscriber from a group, and the group when it is empty."""
    group = groups.get(key)
    if group is not None:
        group.discard(subscriber)
        if not group:
            del groups[key]
