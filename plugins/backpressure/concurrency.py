"""The gate ``concurrency``: how many uploads may send bytes at the same time."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from pdfsluice.core import ChunkIntent, Overloaded, Session

_PREEMPTION_SHARE = 0.5


@dataclass(slots=True, eq=False)
class _Inside:
    """A session that has a place.

    Attributes:
        owner: Its principal.
        since: When it entered, on the clock of the event loop.
        chunks: Its chunks under way.
        tasks: The tasks that receive them.
        preempted: Whether it has to leave for another principal.
    """

    owner: str
    since: float
    chunks: int = 0
    tasks: "set[asyncio.Task[object]]" = field(default_factory=set)
    preempted: bool = False


class ConcurrencyGate:
    """Admits a limited number of sessions; the chunks of one session count once.

    Sessions without a place wait in a queue. For each of them one that is inside gives up
    its place: the next further chunk of a session goes to the end of the queue, and the
    session leaves with the chunks that it has under way. So the quantum is one chunk.

    Free places go to the principal that has the fewest. If a session has waited for half of
    ``patience`` while another principal holds at least two places more than its own, the
    session that has been inside longest of the principal with the most is preempted: its
    request ends with :class:`Overloaded`. Slow connections of one principal cannot keep the
    others out.

    Args:
        limit: How many sessions may send at the same time.
        patience: Seconds that a chunk waits before it is refused.
    """

    def __init__(self, limit: int, *, patience: float) -> None:
        self._limit = limit
        self._patience = patience
        self._inside: dict[str, _Inside] = {}
        self._queue: dict[str, list[asyncio.Future[None]]] = {}
        self._owners: dict[str, str] = {}  # of the sessions in the queue

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:  # noqa: ARG002 - the port's signature
        """Hold a place while the chunk is received.

        Raises:
            Overloaded: There was no place in time, or the place went to another principal.
        """
        if self._passes(session.id):
            self._enter(session.id, session.owner, 1)
        else:
            await self._wait(session)
        try:
            with self._preemptible(self._inside[session.id]):
                yield
        finally:
            self._leave(session.id)

    @contextmanager
    def _preemptible(self, place: _Inside) -> Iterator[None]:
        """Turn the cancellation by :meth:`_preempt` into an error, as ``asyncio.timeout`` does."""
        task = asyncio.current_task()
        if task is None:
            yield
            return
        before = task.cancelling()
        place.tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if place.preempted and task.uncancel() <= before:
                raise self._refusal(
                    "The place of this upload went to another client that waited."
                ) from None
            raise
        finally:
            place.tasks.discard(task)

    def _passes(self, session_id: str) -> bool:
        """Whether a chunk need not wait."""
        if session_id in self._inside:
            return session_id not in self._queue and self._unserved() <= 0
        return len(self._inside) < self._limit

    def _unserved(self) -> int:
        """How many more sessions wait outside than are about to make room for them."""
        return sum(-1 if session_id in self._inside else 1 for session_id in self._queue)

    async def _wait(self, session: Session) -> None:
        """Return with a place taken, or raise without one."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._queue.setdefault(session.id, []).append(turn)
        self._owners[session.id] = session.owner
        share = self._patience * _PREEMPTION_SHARE
        timer = loop.call_later(share, self._preempt, session.owner)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave(session.id)  # the place came in the moment of giving up
            else:
                self._step_out(session.id, turn)
            if not isinstance(error, TimeoutError):
                raise
            raise self._refusal(
                f"{self._limit} uploads are being received, as many as are allowed at a time."
            ) from None
        finally:
            timer.cancel()

    def _preempt(self, owner: str) -> None:
        """Take a place from the principal that has the most, if that is more than fair."""
        held = Counter(place.owner for place in self._inside.values() if not place.preempted)
        greediest, most = max(held.items(), key=lambda item: item[1], default=("", 0))
        if greediest == owner or most < held[owner] + 2:
            return
        own = (
            place
            for place in self._inside.values()
            if place.owner == greediest and not place.preempted
        )
        victim = min(own, key=lambda place: place.since)
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
        place = self._inside.get(session_id)
        if place is None:
            now = asyncio.get_running_loop().time()
            place = self._inside[session_id] = _Inside(owner, now)
        place.chunks += chunks

    def _leave(self, session_id: str) -> None:
        place = self._inside[session_id]
        place.chunks -= 1
        if not place.chunks:
            del self._inside[session_id]
            self._advance()

    def _advance(self) -> None:
        """Admit those for whom there is a place, then those that need not make room."""
        held = Counter(place.owner for place in self._inside.values())
        waiting = sorted(self._queue, key=lambda each: self._rank(each, held))
        for session_id in waiting:
            if session_id in self._inside:
                free = self._unserved() < 0
            else:
                free = len(self._inside) < self._limit
            if free:
                self._admit(session_id)

    def _rank(self, session_id: str, held: Counter[str]) -> tuple[bool, int]:
        return session_id in self._inside, held[self._owners[session_id]]

    def _admit(self, session_id: str) -> None:
        owner = self._owners.pop(session_id)
        patient = [turn for turn in self._queue.pop(session_id) if not turn.cancelled()]
        if patient:
            self._enter(session_id, owner, len(patient))
        for turn in patient:
            turn.set_result(None)
