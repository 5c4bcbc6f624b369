"""The gate ``concurrency``: how many uploads may send bytes at the same time."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from pdfsluice.core import ChunkIntent, Overloaded, Pacer, Session

_PREEMPTION_SHARE = 0.5
_MIN_AGE_SECONDS = 1.0
_SLOW_BYTES_PER_SECOND = 16 * 1024
_HOLD_SECONDS = 2.0
_UNFAIR = 2
"""So many slots more than another principal are unfair."""


@dataclass(slots=True, eq=False)
class _Slot:
    """The slot of a session.

    Attributes:
        owner: The principal of the session.
        since: When it was taken, on the clock of the event loop.
        chunks: How many chunks of the session are being received.
        received: Bytes that have come since.
        tasks: The tasks that receive them.
        preempted: Whether the session has to leave it to another principal.
    """

    owner: str
    since: float
    chunks: int = 0
    received: int = 0
    tasks: "set[asyncio.Task[object]]" = field(default_factory=set)
    preempted: bool = False

    async def take(self, count: int) -> None:
        """Count bytes that have come; the gate itself delays nothing."""
        self.received += count

    def speed(self, now: float) -> float:
        """Return the bytes per second; infinity in the first second, which shows little."""
        age = now - self.since
        return self.received / age if age >= _MIN_AGE_SECONDS else float("inf")


class ConcurrencyGate:
    """A gate for a limited number of sessions; chunks of one session count once.

    Sessions without a slot wait in a queue. For each of them, one session with a slot gives it
    up: its next further chunk goes to the end of the queue, and the session leaves when the
    chunks that are being received have ended. So the quantum is one chunk.

    Free slots go to the principal that has the fewest. A slot that a principal has left stays
    free for its next chunk for ``hold`` seconds, as far as others would take it that have at
    least two slots more.

    If a session waits while another principal holds at least two slots more than its own, the
    slowest slot of the principal with the most is preempted: the request in it ends with
    :class:`Overloaded`. A slot below 16 KiB per second is preempted immediately, any other
    one after half of ``patience``. So connections of one principal cannot block the others.

    Args:
        limit: How many sessions may send at the same time.
        patience: Seconds that a chunk waits before it is refused.
        hold: Seconds for which the slot that a principal has left is kept for it.
        clock: Returns the time in seconds; that of the event loop if none is given.
    """

    def __init__(
        self,
        limit: int,
        *,
        patience: float,
        hold: float = _HOLD_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._hold = hold
        self._held: dict[str, float] = {}  # principals that left a slot, and until when it is held
        self._timer: asyncio.TimerHandle | None = None
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._limit = limit
        self._patience = patience
        self._inside: dict[str, _Slot] = {}
        self._queue: dict[str, list[asyncio.Future[None]]] = {}
        self._owners: dict[str, str] = {}  # of the sessions in the queue

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[Pacer]:  # noqa: ARG002 - the port's signature
        """Hold a slot while the chunk is received.

        Raises:
            Overloaded: There was no slot in time, or the slot went to another principal.
        """
        if self._passes(session.id, session.owner):
            self._enter(session.id, session.owner, 1)
        else:
            await self._wait(session)
        slot = self._inside[session.id]
        try:
            with self._preemptible(slot):
                yield slot
        finally:
            self._leave(session.id)

    @contextmanager
    def _preemptible(self, slot: _Slot) -> Iterator[None]:
        """Turn a cancellation by :meth:`_preempt` into an error, as asyncio.timeout does."""
        task = asyncio.current_task()
        if task is None:
            yield
            return
        before = task.cancelling()
        slot.tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if slot.preempted and task.uncancel() <= before:
                raise self._refusal(
                    "The slot of this upload went to another client that waited."
                ) from None
            raise
        finally:
            slot.tasks.discard(task)

    def _passes(self, session_id: str, owner: str) -> bool:
        """Return whether a chunk need not wait."""
        if session_id in self._inside:
            return session_id not in self._queue and self._unserved() <= 0
        return self._has_slot_for(owner)

    def _has_slot_for(self, owner: str) -> bool:
        """Return whether a slot is free that is not held for a principal with fewer slots."""
        free = self._limit - len(self._inside)
        if free <= 0 or free > len(self._held):
            return free > 0
        now = self._clock()
        self._held = {each: until for each, until in self._held.items() if until > now}
        slots_by_owner = Counter(slot.owner for slot in self._inside.values())
        own = slots_by_owner[owner]
        held = sum(
            slots_by_owner[each] == 0 for each in self._held if each != owner and own >= _UNFAIR
        )
        return free > held

    def _unserved(self) -> int:
        """How many more sessions wait than sessions with a slot are about to leave."""
        return sum(-1 if session_id in self._inside else 1 for session_id in self._queue)

    async def _wait(self, session: Session) -> None:
        """Wait for a slot; raise if none is free in time."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._queue.setdefault(session.id, []).append(turn)
        self._owners[session.id] = session.owner
        self._preempt(session.owner, _SLOW_BYTES_PER_SECOND)
        self._advance_later()
        timers = [
            loop.call_later(_MIN_AGE_SECONDS, self._preempt, session.owner, _SLOW_BYTES_PER_SECOND),
            loop.call_later(
                self._patience * _PREEMPTION_SHARE, self._preempt, session.owner, float("inf")
            ),
        ]
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave(session.id)  # the slot was granted at the same moment
            else:
                self._step_out(session.id, turn)
            if not isinstance(error, TimeoutError):
                raise
            raise self._refusal(
                f"{self._limit} uploads are being received, as many as are allowed at a time."
            ) from None
        finally:
            for timer in timers:
                timer.cancel()

    def _preempt(self, owner: str, max_speed: float) -> None:
        """Preempt the slowest slot of the principal that has the most, if that is unfair.

        Args:
            owner: The principal that waits.
            max_speed: Bytes per second; a faster slot is not preempted.
        """
        leaving = sum(slot.preempted for slot in self._inside.values())
        slots_by_owner = Counter(slot.owner for slot in self._inside.values() if not slot.preempted)
        greediest, slots = max(slots_by_owner.items(), key=lambda item: item[1], default=("", 0))
        if greediest == owner or slots < slots_by_owner[owner] + leaving + _UNFAIR:
            return
        own = (
            slot for slot in self._inside.values() if slot.owner == greediest and not slot.preempted
        )
        now = self._clock()
        victim = min(own, key=lambda slot: (slot.speed(now), slot.since))
        if victim.speed(now) > max_speed:
            return
        victim.preempted = True
        for task in victim.tasks:
            task.cancel()

    def _refusal(self, message: str) -> Overloaded:
        return Overloaded(
            message,
            retry_after=max(1.0, self._patience),
            hint="Send the chunk again later; or raise STREAMING_MAX_CONCURRENT_UPLOADS.",
        )

    def _step_out(self, session_id: str, turn: asyncio.Future[None]) -> None:
        waiting = self._queue.get(session_id, [])
        if turn in waiting:
            waiting.remove(turn)
        if not waiting:
            self._queue.pop(session_id, None)
            self._owners.pop(session_id, None)
            self._advance()

    def _enter(self, session_id: str, owner: str, chunks: int) -> None:
        slot = self._inside.get(session_id)
        if slot is None:
            slot = self._inside[session_id] = _Slot(owner, self._clock())
        slot.chunks += chunks

    def _leave(self, session_id: str) -> None:
        slot = self._inside[session_id]
        slot.chunks -= 1
        if not slot.chunks:
            del self._inside[session_id]
            if not slot.preempted:
                self._held[slot.owner] = self._clock() + self._hold
            self._advance()

    def _advance(self) -> None:
        """Admit sessions while slots are free, then those that have one and may keep it."""
        slots_by_owner = Counter(slot.owner for slot in self._inside.values())
        waiting = sorted(self._queue, key=lambda each: self._rank(each, slots_by_owner))
        for session_id in waiting:
            if session_id in self._inside:
                free = self._unserved() < 0
            else:
                free = self._has_slot_for(self._owners[session_id])
            if free:
                self._admit(session_id)
        self._advance_later()

    def _advance_later(self) -> None:
        """Look again when slots are no longer held, if a session waits for one of them."""
        if self._queue and self._timer is None and len(self._inside) < self._limit:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._hold, self._advance_now)

    def _advance_now(self) -> None:
        self._timer = None
        self._advance()

    def _rank(self, session_id: str, slots_by_owner: Counter[str]) -> tuple[bool, int]:
        return session_id in self._inside, slots_by_owner[self._owners[session_id]]

    def _admit(self, session_id: str) -> None:
        owner = self._owners.pop(session_id)
        patient = [turn for turn in self._queue.pop(session_id) if not turn.cancelled()]
        if patient:
            self._enter(session_id, owner, len(patient))
        for turn in patient:
            turn.set_result(None)
