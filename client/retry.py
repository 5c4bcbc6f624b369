"""How long a client keeps trying, and how it spaces its attempts."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from .errors import ClientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How a client behaves while the server cannot be reached or asks for patience.

    Attributes:
        patience: Seconds of trouble without any progress after which an upload gives up.
        first_pause: Seconds before the first repetition; later pauses are as long as the trouble
            has lasted, which doubles it.
        longest_pause: Seconds that a pause is never longer than, unless the server asks.
    """

    patience: float = 300.0
    first_pause: float = 0.25
    longest_pause: float = 15.0

    def pause(self, trouble: float, retry_after: float | None) -> float:
        """Return the seconds to wait before repeating, after so many seconds of trouble.

        How often something failed does not count: many requests of an upload fail together.
        The jitter keeps clients that were interrupted together from coming back together.
        """
        backoff = min(self.longest_pause, max(self.first_pause, trouble))
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, protects nothing
        return max(backoff * jitter, (retry_after or 0.0) * (1.5 - jitter / 2))


class Patience:
    """What is left of the patience of one upload; progress anywhere in it renews it.

    It begins to run out with a failure, and not while something takes long and succeeds.

    Args:
        policy: How to behave.
        waiting: Called with the error and the pause whenever the upload waits.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        waiting: Callable[[ClientError, float], None] = lambda _error, _pause: None,
    ) -> None:
        self._policy = policy
        self._waiting = waiting
        self._trouble_since: float | None = None

    def progressed(self) -> None:
        """Note that the server has taken or given something, or works on it."""
        self._trouble_since = None

    async def wait(self, error: ClientError) -> None:
        """Wait before the next attempt.

        Raises:
            ClientError: The error itself, if it is final or patience is at its end.
        """
        if not error.retryable:
            raise error
        now = time.monotonic()
        if self._trouble_since is None:
            self._trouble_since = now
        trouble = now - self._trouble_since
        pause = self._policy.pause(trouble, error.retry_after)
        if trouble + pause > self._policy.patience:
            raise error
        self._waiting(error, pause)
        await asyncio.sleep(pause)

    async def retried(
        self,
        request: Callable[[], Awaitable[T]],
        *,
        gives_up: Callable[[ClientError], bool] = lambda _error: False,
    ) -> T:
        """Make a request until it succeeds.

        An answer alone is no progress: asking for the state of an upload whose bytes do not
        arrive would never end.

        Args:
            request: Makes it once.
            gives_up: Whether a retryable error is final here.

        Raises:
            ClientError: The error is final, or patience is at its end.
        """
        while True:
            try:
                return await request()
            except ClientError as error:
                if gives_up(error):
                    raise
                await self.wait(error)
