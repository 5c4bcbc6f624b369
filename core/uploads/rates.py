"""Bandwidth limits for each upload, each principal and the server.

A body is paced between its parts: while its turn has not come, nothing more is read of it, and TCP
slows the client down. No thread waits. The time does not count as the client's slowness.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pdfsluice.core.models import Session

_MAX_GAP_SECONDS = 0.25
_MIN_PART_BYTES = 16 * 1024
_MAX_PART_BYTES = 1024 * 1024
_MAX_LIMITERS = 256
"""From so many on, those that limit nothing at present are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Bytes per second of files that are received; 0 for no limit.

    Attributes:
        session: Of each upload.
        principal: Of all uploads of a principal.
        server: Of all uploads.
    """

    session: int = 0
    principal: int = 0
    server: int = 0


@dataclass(slots=True, eq=False)
class _Turn:
    size: int
    done: asyncio.Future[None]


@dataclass(slots=True)
class FairLimiter:
    """Lets bytes pass at a rate, one turn at a time, with a fair share for each key.

    The next turn goes to the key that has passed the fewest bytes. So two principals have the
    same share, whatever the number of their connections. Short gaps in the bytes of a key, such
    as those between two requests, cost it nothing; longer ones give it no claim.

    Attributes:
        rate: Bytes per second; 0 for no limit.
        clock: Returns the time in seconds.
    """

    rate: int
    clock: Callable[[], float]
    _waiting: dict[str, deque[_Turn]] = field(default_factory=dict)
    _passed: dict[str, float] = field(default_factory=dict)
    _floor: float = 0.0
    _current: _Turn | None = None
    _free_at: float = field(init=False)
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._free_at = self.clock()

    @property
    def idle(self) -> bool:
        """Whether nothing waits or passes, and the rate was not used up recently."""
        return not self._busy and self._free_at < self.clock() - _MAX_GAP_SECONDS

    @property
    def _busy(self) -> bool:
        return self._current is not None or bool(self._waiting)

    async def take(self, key: str, size: int) -> None:
        """Return when so many bytes of a key have passed."""
        if not self.rate:
            return
        if self.idle:
            self._passed.clear()
            self._floor = 0.0
        turn = _Turn(size, asyncio.get_running_loop().create_future())
        if key not in self._waiting:
            self._forget_equals()
            self._waiting[key] = deque()
            least = self._floor - self.rate * _MAX_GAP_SECONDS
            self._passed[key] = max(self._passed.get(key, self._floor), least)
        self._waiting[key].append(turn)
        self._advance()
        await turn.done

    def change(self, rate: int) -> None:
        """Change the rate; it counts for what passes at this moment, too."""
        now = self.clock()
        rest = max(0.0, self._free_at - now) * self.rate
        self.rate = rate
        self._free_at = now + (rest / rate if rate else 0.0)
        if self._timer is not None:
            self._timer.cancel()
            self._wait()

    def _forget_equals(self) -> None:
        """Bound the memory: forget keys that have passed no more than a new one counts."""
        if len(self._passed) < _MAX_LIMITERS:
            return
        for key in [each for each, passed in self._passed.items() if passed <= self._floor]:
            if key not in self._waiting:
                del self._passed[key]

    def _advance(self) -> None:
        """Begin the next turn, if there is none."""
        while self._current is None and self._waiting:
            key = min(self._waiting, key=self._passed.__getitem__)
            turns = self._waiting[key]
            turn = turns.popleft()
            self._floor = self._passed[key]
            self._passed[key] += turn.size
            if not turns:
                del self._waiting[key]
            if turn.done.done():  # its request was cancelled
                continue
            now = self.clock()
            seconds = turn.size / self.rate if self.rate else 0.0
            continues = now - self._free_at < _MAX_GAP_SECONDS
            self._free_at = (self._free_at if continues else now) + seconds
            self._current = turn
            self._wait()

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, self._free_at - self.clock()), self._end_turn)

    def _end_turn(self) -> None:
        turn, self._current, self._timer = self._current, None, None
        if turn is not None and not turn.done.done():
            turn.done.set_result(None)
        self._advance()


class Pacing:
    """Paces the bodies of all uploads.

    Args:
        rates: To begin with.
        clock: Returns the time in seconds.
    """

    def __init__(self, rates: Rates, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._rates = rates
        self._server = FairLimiter(rates.server, self._clock)
        self._principals: dict[str, FairLimiter] = {}
        self._sessions: dict[str, FairLimiter] = {}

    @property
    def rates(self) -> Rates:
        """The rates that count now."""
        return self._rates

    @property
    def active(self) -> bool:
        """Whether there is any limit."""
        return self._rates != Rates()

    @property
    def part_size(self) -> int:
        """How many bytes to receive before the next turn: an eighth of a second's worth."""
        rates = self._rates
        limits = [rate for rate in (rates.session, rates.principal, rates.server) if rate]
        wanted = min(limits, default=_MAX_PART_BYTES) // 8
        return max(_MIN_PART_BYTES, min(wanted, _MAX_PART_BYTES))

    async def take(self, session: Session, size: int) -> None:
        """Return when so many bytes of an upload may have been received."""
        if not self.active or not size:
            return
        await self._take(self._sessions, session.id, self._rates.session, "", size)
        await self._take(self._principals, session.owner, self._rates.principal, session.id, size)
        await self._server.take(session.owner, size)

    def change(self, rates: Rates) -> None:
        """Change the rates, also of bodies that are being received."""
        self._rates = rates
        self._server.change(rates.server)
        for limiter in self._principals.values():
            limiter.change(rates.principal)
        for limiter in self._sessions.values():
            limiter.change(rates.session)

    async def _take(
        self, limiters: dict[str, FairLimiter], name: str, rate: int, key: str, size: int
    ) -> None:
        if not rate:
            return
        limiter = limiters.get(name)
        if limiter is None:
            limiter = FairLimiter(rate, self._clock)
        if len(limiters) > _MAX_LIMITERS:
            for idle in [each for each, other in limiters.items() if other.idle]:
                del limiters[idle]
        limiters[name] = limiter
        await limiter.take(key, size)
