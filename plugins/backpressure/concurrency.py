"""The gate ``concurrency``: how many uploads may send bytes at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pdfsluice.core.errors import Overloaded
from pdfsluice.core.models import ChunkIntent, Session


class ConcurrencyGate:
    """Lets a limited number of sessions in; the chunks of one session count once.

    Sessions that find no place wait in line. A session that sends chunk after chunk goes
    to the end of the line between two of them, so that everybody gets on.

    Args:
        limit: How many sessions may send at once.
        patience: Seconds that a chunk waits before it is turned away.
    """

    def __init__(self, limit: int, *, patience: float) -> None:
        self._limit = limit
        self._patience = patience
        self._inside: dict[str, int] = {}
        self._line: OrderedDict[str, list[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:  # noqa: ARG002 - the port's signature
        """Hold a place while the chunk comes in.

        Raises:
            Overloaded: There was no place for as long as the gate is patient.
        """
        if session.id in self._inside:
            self._inside[session.id] += 1
        elif len(self._inside) < self._limit:
            self._inside[session.id] = 1
        else:
            await self._wait(session.id)
        try:
            yield
        finally:
            self._leave(session.id)

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

    def _leave(self, session_id: str) -> None:
        self._inside[session_id] -= 1
        if self._inside[session_id]:
            return
        del self._inside[session_id]
        while self._line and len(self._inside) < self._limit:
            self._let_in(*self._line.popitem(last=False))

    def _let_in(self, session_id: str, turns: list[asyncio.Future[None]]) -> None:
        patient = [turn for turn in turns if not turn.cancelled()]
        if patient:
            self._inside[session_id] = len(patient)
        for turn in patient:
            turn.set_result(None)
