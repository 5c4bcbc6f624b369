"""The boundary around every call into a plugin.

What a plugin raises reaches the rest of the program as a
:class:`~pdfsluice.core.errors.PdfsluiceError` that names the part and its distribution. That
holds for ``SystemExit`` and ``KeyboardInterrupt``, too, and for a ``CancelledError`` that no
caller asked for. Time that a part takes from the event loop is measured.
"""

import asyncio
import errno
import logging
import math
import time
import types
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeVar

from pdfsluice.core.background import caller_is_cancelled
from pdfsluice.core.errors import Overloaded, PdfsluiceError, StageFailed, StorageFull
from pdfsluice.core.shortages import is_shortage

from .parts import Part, PartCounts

T = TypeVar("T")

logger = logging.getLogger(__name__)

DEFAULT_HOLD_SECONDS = 0.1
_RETRY_SECONDS = 5.0
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class PartFailed(StageFailed):
    """A part of a plugin raised an exception that is not one of pdfsluice's errors.

    The exception is ``__cause__``; it is logged and never sent to a client.
    """


class LoopClock:
    """Measures how long parts keep the event loop from everything else.

    Parts call each other (an importer awaits the catalogue): each is charged for its own time.
    A step of a part is enclosed by :meth:`begin` and :meth:`end`.

    Args:
        limit_seconds: A part that holds the loop for longer is logged and counted.
        clock: Returns seconds.

    Attributes:
        limit_seconds: The limit.
        now: Returns seconds.
        charged: Seconds of the present step that other parts were charged for.
    """

    def __init__(
        self,
        limit_seconds: float = DEFAULT_HOLD_SECONDS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.limit_seconds = limit_seconds
        self.now = clock
        self.charged = 0.0

    def begin(self) -> tuple[float, float]:
        """Begin an uninterrupted step on the event loop; return what :meth:`end` needs."""
        outer, self.charged = self.charged, 0.0
        return outer, self.now()

    def end(self, step: tuple[float, float], part: Part, counts: PartCounts) -> None:
        """End a step of a part; report it if it held the event loop too long."""
        outer, began = step
        seconds = self.now() - began
        own, self.charged = seconds - self.charged, outer + seconds
        if own > self.limit_seconds:
            self.report(own, part, counts)

    @staticmethod
    def report(own: float, part: Part, counts: PartCounts) -> None:
        """Log and count a step that held the event loop too long."""
        counts.hold(own)
        logger.warning(
            "%s held the event loop for %.2f s; every other request waited."
            " Move the work to a thread or a child process.",
            part.label,
            own,
        )


class Boundary:
    """Calls one part of a plugin.

    Args:
        part: The part.
        counts: Its failures and holds, for the metrics.
        clock: Shared by all parts of an event loop.
        timeout_seconds: Limit of one awaited call; ``None`` for no limit.
        log_failures: Whether a failure is logged with its traceback.
    """

    def __init__(
        self,
        part: Part,
        counts: PartCounts,
        clock: LoopClock,
        *,
        timeout_seconds: float | None = None,
        log_failures: bool = True,
    ) -> None:
        self._part = part
        self._log_failures = log_failures
        self._counts = counts
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    def unmeasured(self) -> "Boundary":
        """Return a boundary of the same part that does not measure its time on the loop."""
        return Boundary(
            self._part, self._counts, LoopClock(math.inf), log_failures=self._log_failures
        )

    def unlimited(self) -> "Boundary":
        """Return a boundary of the same part whose awaited calls have no time limit."""
        return Boundary(self._part, self._counts, self._clock, log_failures=self._log_failures)

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a function of the part on the event loop."""
        step = self._clock.begin()
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            self._raise_instead(error)
            raise
        finally:
            self._clock.end(step, self._part, self._counts)

    def call_in_thread(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a function of the part in the current worker thread."""
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            self._raise_instead(error)
            raise

    async def run(self, function: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Call a function of the part and await what it returns.

        Most calls do not suspend: they need neither a timer nor the generator that measures the
        steps that follow a suspension.

        Raises:
            Overloaded: It did not return within the time limit.
        """
        try:
            steps = function(*args, **kwargs).__await__()
            clock = self._clock  # begin() and end() written out: this runs dozens of times a file
            outer, clock.charged = clock.charged, 0.0
            began = clock.now()
            try:
                future = next(steps)
            except StopIteration as stop:
                result: T = stop.value
                return result
            finally:
                seconds = clock.now() - began
                own, clock.charged = seconds - clock.charged, outer + seconds
                if own > clock.limit_seconds:
                    clock.report(own, self._part, self._counts)
            if self._timeout_seconds is None:
                return await self._continue(steps, future)
            return await self._continue_in_time(steps, future, self._timeout_seconds)
        except BaseException as error:
            self._raise_instead(error)
            raise

    async def _continue_in_time(
        self, steps: Generator[Any, Any, T], future: Any, seconds: float
    ) -> T:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._continue(steps, future)
        except TimeoutError as error:
            if not limit.expired():
                raise
            self._counts.failures += 1
            logger.error(  # noqa: TRY400 - the traceback would show the time limit only
                "%s did not answer within %g s", self._part.label, seconds
            )
            raise Overloaded(
                f"The {self._part.label} did not answer within {seconds:g} seconds.",
                retry_after=_RETRY_SECONDS,
                hint="Try again; the operator finds the reason in the server's log.",
            ) from error

    async def leave(
        self,
        context: AbstractAsyncContextManager[Any],
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave a context of the part; what its body raised passes through it unchanged."""
        try:
            steps = context.__aexit__(kind, error, traceback).__await__()
            step = self._clock.begin()
            try:
                future = next(steps)
            except StopIteration:
                return
            finally:
                self._clock.end(step, self._part, self._counts)
            await self._continue(steps, future)
        except BaseException as raised:
            if raised is error:
                return
            self._raise_instead(raised)
            raise

    @types.coroutine
    def _continue(self, steps: Generator[Any, Any, T], future: Any) -> Generator[Any, Any, T]:
        """Run the rest of a call that waits for a future, and measure each step."""
        while True:
            cause: BaseException | None = None
            try:
                yield future
            except BaseException as error:  # noqa: BLE001 - it is the awaitable's to handle
                cause = error
            step = self._clock.begin()
            try:
                future = next(steps) if cause is None else steps.throw(cause)
            except StopIteration as stop:
                result: T = stop.value
                return result
            finally:
                self._clock.end(step, self._part, self._counts)

    def _raise_instead(self, error: BaseException) -> None:
        """Raise what stands for an exception of the plugin, unless that passes as it is."""
        if isinstance(error, PdfsluiceError | GeneratorExit) or caller_is_cancelled(error):
            return
        self._counts.failures += 1
        if self._log_failures:
            logger.error("%s failed", self._part.label, exc_info=error)
        raise self._translated(error) from error

    def _translated(self, error: BaseException) -> PdfsluiceError:
        what = f"The {self._part.label} failed"
        number = error.errno if isinstance(error, OSError) else None
        if number in _NO_SPACE:
            return StorageFull(f"{what}: the disk is full.", hint="Free disk space, then retry.")
        if is_shortage(error):
            return Overloaded(
                f"{what}: the system is short of a resource ({type(error).__name__}).",
                retry_after=_RETRY_SECONDS,
                hint="Try again. Acknowledged bytes are kept.",
            )
        return PartFailed(
            f"{what} ({type(error).__name__}).",
            hint="This is a defect of the plugin, not of the file."
            " The operator finds the reason in the server's log.",
            details={"stage": self._part.name, "distribution": self._part.plugin.distribution},
        )
