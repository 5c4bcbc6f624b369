"""Who watches which uploads, and the hand-over of events to them.

Publishing never waits for a watcher. A message is written as a frame once and handed to the
connection of each; only where a connection is backed up it waits, in a bounded queue in which
of the progress of one upload only the latest is kept. Whoever lets it fill up is dropped and
may come again.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pdfsluice.core.events import (
    Event,
    SessionEvent,
    ShuttingDown,
    UploadProgress,
    UploadStatus,
)
from pdfsluice.core.models import Principal, Session
from pdfsluice.core.uploads.lifecycle import ENDED

from .messages import Key, Message, frame_of

QUEUE_LIMIT = 512
"""Messages that may wait for one watcher."""
MOST_ROOMS = 1000
"""Rooms in which a connection may be; those of ended uploads make room for others."""
_BUFFER_LIMIT = 64 * 1024
_FLUSH_SECONDS = 0.05
_STALL_SECONDS = 15.0
_BATCH = 50
_ENDED = frozenset(state.value for state in ENDED)

Client = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CloseReason:
    """Why a connection is closed, as RFC 6455, 7.1.5 and 7.1.6 have it.

    Attributes:
        code: Status code.
        reason: Words for people.
    """

    code: int
    reason: bytes


STOPPING = CloseReason(1001, b"the server is stopping")
NOT_ALLOWED = CloseReason(4401, b"the key is not valid any more")
"""From 4000 on codes are the application's own; this one is HTTP's 401."""
KeyT = TypeVar("KeyT")


class Subscriber:
    """One WebSocket, as far as events are concerned.

    Args:
        principal: Who watches.
        client_id: What the client calls itself; its uploads are joined unasked.
        full: Whether it wants all detail.
        transport: The connection; frames are written to it whole.
        drop: Cuts the connection of a watcher that does not keep up.

    Attributes:
        rooms: Ids of the sessions that it watches, and whether each has ended. Of an ended
            one there may be more to tell: its import goes on.
        ended: Set when nothing more will be told.
        farewell: With what the connection is closed then.
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
        self.farewell = STOPPING
        self._transport = transport
        self._drop = drop
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[Key | None, bytes]] = deque()
        self._latest: dict[Key, bytes] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._stalled_since = 0.0

    def may_join(self, session_id: str) -> bool:
        """Whether it is in a room already, or there is or can be made room for one more."""
        known = session_id in self.rooms
        return known or len(self.rooms) < MOST_ROOMS or any(self.rooms.values())

    def put(self, message: Message) -> None:
        """Tell of an event, if it concerns a watcher of this kind."""
        frame = message.frame(full=self.full)
        if frame is not None:
            self._put(frame, message.key)

    def put_text(self, text: bytes) -> None:
        """Tell something that concerns this watcher alone."""
        self._put(frame_of(text), None)

    def end(self) -> None:
        """Tell what is left, and nothing more."""
        if self.ended.is_set():
            return
        if self._timer is not None:
            self._timer.cancel()
        while self._queue:
            self._transport.write(self._pop())
        self.ended.set()

    def dismiss(self) -> None:
        """Tell nothing more, not even what is left: whoever watches may not any longer."""
        self._queue.clear()
        self._latest.clear()
        self.farewell = NOT_ALLOWED
        self.end()

    def _put(self, frame: bytes, key: Key | None) -> None:
        if self.ended.is_set() or self._transport.is_closing():
            return
        if not self._queue and self._has_room():
            self._transport.write(frame)
        elif len(self._queue) >= QUEUE_LIMIT:
            self._give_up()
        else:
            self._wait(frame, key)

    def _has_room(self) -> bool:
        return self._transport.get_write_buffer_size() < _BUFFER_LIMIT

    def _wait(self, frame: bytes, key: Key | None) -> None:
        """Queue a frame; a newer one of the same key takes the older one's place."""
        if key is None or key not in self._latest:
            self._queue.append((key, frame))
        if key is not None:
            self._latest[key] = frame
        if self._timer is None:
            self._stalled_since = self._loop.time()
            self._timer = self._loop.call_later(_FLUSH_SECONDS, self._flush)

    def _pop(self) -> bytes:
        key, frame = self._queue.popleft()
        return frame if key is None else self._latest.pop(key)

    def _flush(self) -> None:
        """Write what there is room for by now, and look again later if that is not all."""
        self._timer = None
        now = self._loop.time()
        while self._queue and self._has_room():
            self._transport.write(self._pop())
            self._stalled_since = now
        if now - self._stalled_since > _STALL_SECONDS:
            self._give_up()
        elif self._queue:
            self._timer = self._loop.call_later(_FLUSH_SECONDS, self._flush)

    def _give_up(self) -> None:
        self._queue.clear()
        self._latest.clear()
        self._drop()


class Subscribers:
    """All watchers of this process; an event sink."""

    def __init__(self) -> None:
        self._all: set[Subscriber] = set()
        self._rooms: defaultdict[str, set[Subscriber]] = defaultdict(set)
        self._clients: defaultdict[Client, set[Subscriber]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, watcher: Subscriber) -> None:
        """Take a watcher in."""
        self._all.add(watcher)
        self._clients[_client(watcher)].add(watcher)

    def remove(self, watcher: Subscriber) -> None:
        """Forget a watcher."""
        self._all.discard(watcher)
        _discard(self._clients, _client(watcher), watcher)
        for session_id in list(watcher.rooms):
            self.leave(watcher, session_id)

    def join(self, watcher: Subscriber, session_id: str, *, over: bool = False) -> None:
        """Let a watcher hear of a session; whether it may is for the caller to know.

        It may have to leave the rooms of ended sessions for that, the oldest first.

        Args:
            watcher: Who joins.
            session_id: The session.
            over: Whether the session has ended.
        """
        if session_id not in watcher.rooms and len(watcher.rooms) >= MOST_ROOMS:
            ended = [room for room, has_ended in watcher.rooms.items() if has_ended]
            for room in ended[: len(watcher.rooms) - MOST_ROOMS + 1]:
                self.leave(watcher, room)
        watcher.rooms.setdefault(session_id, over)
        self._rooms[session_id].add(watcher)

    def leave(self, watcher: Subscriber, session_id: str) -> None:
        """Let a watcher hear no more of a session."""
        watcher.rooms.pop(session_id, None)
        _discard(self._rooms, session_id, watcher)

    def follow(self, session: Session) -> None:
        """Join the watchers that belong to the client of a session."""
        self._follow(session.id, session.owner, session.client_id)

    async def handle(self, event: Event) -> None:
        """Hand an event to those whom it concerns, letting others run in between."""
        audience: Iterable[Subscriber] = tuple(self._all)
        if isinstance(event, SessionEvent):
            if isinstance(event, UploadProgress):
                self._follow(event.session_id, event.owner, event.client_id)
            audience = tuple(self._rooms.get(event.session_id, ()))
        message = Message(event)
        for number, watcher in enumerate(audience, 1):
            watcher.put(message)
            if isinstance(event, UploadStatus) and event.session_id in watcher.rooms:
                watcher.rooms[event.session_id] = event.status in _ENDED
            if number % _BATCH == 0:
                await asyncio.sleep(0)
        if isinstance(event, ShuttingDown):
            self.end()

    def end(self) -> None:
        """Tell everybody what is left, then let them go."""
        for watcher in self._all:
            watcher.end()

    def _follow(self, session_id: str, owner: str, client_id: str) -> None:
        if client_id:
            for watcher in self._clients.get((owner, client_id), ()):
                self.join(watcher, session_id)


def _client(watcher: Subscriber) -> Client:
    return watcher.principal.id, watcher.client_id


def _discard(groups: dict[KeyT, set[Subscriber]], key: KeyT, watcher: Subscriber) -> None:
    """Remove a watcher from a group, and the group when it is empty."""
    group = groups.get(key)
    if group is not None:
        group.discard(watcher)
        if not group:
            del groups[key]
