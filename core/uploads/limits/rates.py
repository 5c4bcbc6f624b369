"""A limiter of bandwidth that is shared fairly."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_MAX_GAP_SECONDS = 0.25
_MAX_KEYS = 256
"""From so many on, those that have passed no more than others are forgotten."""


@dataclass(slots=True, eq=False)
class _Turn:
    size: int
    done: asyncio.Future[None]


@dataclass(slots=True)
class FairLimiter:
    """A rate for bytes, one turn at a time, with a fair share for each key.

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
        if len(self._passed) < _MAX_KEYS:
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
