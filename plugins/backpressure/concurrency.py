"""The gate ``concurrency``: how many uploads may send bytes at the same time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pdfsluice.core import ChunkIntent, Overloaded, Session


class ConcurrencyGate:
    """Lets a limited number of sessions in; the chunks of one session count once.

    Sessions that find no place wait in line, and for each of them one that is inside makes
    room: whichever has a further chunk next puts it at the end of the line, and leaves with
    the chunks that it has under way. So everybody gets on, however many chunks of a session
    come at once, and nobody is held up for longer than somebody waits.

    Args:
        limit: How many sessions may send at once.
        patience: Seconds that a chunk waits before it is turned away.
    """

    def __init__(self, limit: int, *, patience: float) -> None:
        self._limit = limit
        self._patience = patience
        self._inside: dict[str, int] = {}
        self._line: dict[str, list[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:  # noqa: ARG002 - the port's signature
        """Hold a place while the chunk comes in.

        Raises:
            Overloaded: There was no place for as long as the gate is patient.
        """
        if self._passes(session.id):
            self._enter(session.id, 1)
        else:
            await self._wait(session.id)
        try:
            yield
        finally:
            self._leave(session.id)

    def _passes(self, session_id: str) -> bool:
        """Whether a chunk needs not wait."""
        if session_id in self._inside:
            return session_id not in self._line and self._unserved() <= 0
        return len(self._inside) < self._limit

    def _unserved(self) -> int:
        """How many more sessions wait outside than are about to make room for them."""
        return sum(-1 if session_id in self._inside else 1 for session_id in self._line)

    async def _wait(self, session_id: str) -> None:
        """Return with a place taken, or raise without one."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.setdefault(session_id, []).append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave(session_id)  # the place came in the moment of giving up
            else:
                self._step_out(session_id, turn)
            if not isinstance(error, TimeoutError):
                raise
            raise Overloaded(
                f"{self._limit} uploads are being received, as many as are allowed at once.",
                retry_after=max(1.0, self._patience),
                hint="Send the chunk again later; or raise STREAMING_MAX_CONCURRENT_UPLOADS.",
            ) from None

    def _step_out(self, session_id: str, turn: asyncio.Future[None]) -> None:
        waiting = self._line.get(session_id, [])
        if turn in waiting:
            waiting.remove(turn)
        if not waiting:
            self._line.pop(session_id, None)
            self._advance()

    def _enter(self, session_id: str, chunks: int) -> None:
        self._inside[session_id] = self._inside.get(session_id, 0) + chunks

    def _leave(self, session_id: str) -> None:
        self._inside[session_id] -= 1
        if not self._inside[session_id]:
            del self._inside[session_id]
            self._advance()

    def _advance(self) -> None:
        """Let in for whom there is a place, then who needs make no room any more."""
        for session_id in sorted(self._line, key=self._inside.__contains__):
            if session_id in self._inside:
                free = self._unserved() < 0
            else:
                free = len(self._inside) < self._limit
            if free:
                self._let_in(session_id)

    def _let_in(self, session_id: str) -> None:
        patient = [turn for turn in self._line.pop(session_id) if not turn.cancelled()]
        if patient:
            self._enter(session_id, len(patient))
        for turn in patient:
            turn.set_result(None)
