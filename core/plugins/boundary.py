"""The boundary around calls into a plugin on the event loop.

It translates errors as :mod:`.thread_boundary` does. A ``CancelledError`` that no caller asked
for is such an error, also if the part cancelled its caller. Time that a part takes from the
event loop is measured.
"""

import asyncio
import logging
import math
import types
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar, cast

from pdfsluice.core.background import caller_is_cancelled
from pdfsluice.core.errors import Overloaded

from .answers import Check
from .loop_clock import LoopClock
from .parts import Part, PartCounts
from .thread_boundary import RETRY_SECONDS, ThreadBoundary

T = TypeVar("T")

logger = logging.getLogger(__name__)


class CancelledBySelf(asyncio.CancelledError):
    """A part cancelled the task that called it."""


class Boundary(ThreadBoundary):
    """The boundary around calls to one part of a plugin.

    Args:
        part: The part.
        counts: Its failures and holds, for the metrics.
        clock: Shared by all parts of an event loop.
        timeouts: Limits of awaited calls in seconds, by the method's name; ``""`` has that of
            all others.
        hold_limit_seconds: A step that holds the event loop for longer is reported; ``None``
            for the limit of the clock.
        watched: Whether calls without a time limit that do not return are reported.
        log_failures: Whether a failure is logged with its traceback.
    """

    def __init__(
        self,
        part: Part,
        counts: PartCounts,
        clock: LoopClock,
        *,
        timeouts: Mapping[str, float] = MappingProxyType({}),
        hold_limit_seconds: float | None = None,
        watched: bool = True,
        log_failures: bool = True,
    ) -> None:
        super().__init__(part, counts, now=clock.now, log_failures=log_failures)
        self._owner = part, counts
        self._is_built_in = part.plugin.built_in
        self._clock = clock
        self._timeouts = timeouts
        self._watched = watched
        self._hold_limit = clock.limit_seconds if hold_limit_seconds is None else hold_limit_seconds

    def unmeasured(self) -> "Boundary":
        """Return a boundary of the same part that does not measure its time on the loop."""
        return Boundary(
            self._part,
            self._counts,
            self._clock,
            hold_limit_seconds=math.inf,
            log_failures=self._log_failures,
        )

    def unlimited(self) -> "Boundary":
        """Return a boundary of the same part whose awaited calls have no time limit."""
        return Boundary(self._part, self._counts, self._clock, log_failures=self._log_failures)

    def call(
        self, function: Callable[..., T], *args: Any, check: Check | None = None, **kwargs: Any
    ) -> T:
        """Call a function of the part on the event loop.

        The function of a third party has no current task, so that it cannot cancel its caller,
        which could not learn of that before its next ``await``.

        Args:
            function: The function.
            check: Checks what it returns.
        """
        task = None if self._is_built_in else _current_task()
        step = self._clock.begin(self._owner)
        try:
            if task is not None:
                asyncio.tasks._leave_task(task.get_loop(), task)  # noqa: SLF001 - documented
            try:
                result = function(*args, **kwargs)
            finally:
                if task is not None:
                    asyncio.tasks._enter_task(task.get_loop(), task)  # noqa: SLF001 - documented
            return result if check is None else cast("T", check(result))
        except BaseException as error:
            self._raise_instead(error)
            raise
        finally:
            self._clock.end(step, self._owner, self._hold_limit)

    async def run(
        self,
        function: Callable[..., Awaitable[T]],
        *args: Any,
        check: Check | None = None,
        **kwargs: Any,
    ) -> T:
        """Call a function of the part and await what it returns.

        Most calls do not suspend: they need neither a timer nor the generator that measures the
        steps that follow a suspension.

        Args:
            function: The function.
            check: Checks what it returns.

        Raises:
            Overloaded: It did not return within the time limit.
        """
        try:
            steps = function(*args, **kwargs).__await__()
            result: T
            has_returned, result = self._advance(steps)
            if not has_returned:
                future = result
                name = getattr(function, "__name__", "")
                seconds = self._timeouts.get(name) or self._timeouts.get("")
                if seconds is not None:
                    result = await self._continue_in_time(steps, future, seconds)
                elif self._watched:
                    calls, call = self._counts.calls, object()
                    calls[call] = name, self._clock.now()
                    try:
                        result = await self._continue(steps, future)
                    finally:
                        del calls[call]
                else:
                    result = await self._continue(steps, future)
            return result if check is None else cast("T", check(result))
        except CancelledBySelf as error:
            await _receive_cancellation()
            self._raise_instead(error)
            raise
        except BaseException as error:
            self._raise_instead(error)
            raise

    def _advance(
        self, steps: Generator[Any, Any, Any], cause: BaseException | None = None
    ) -> tuple[bool, Any]:
        """Run a call up to its next suspension, and measure that.

        Nothing else runs on the event loop meanwhile: a cancellation of the current task that
        was requested in this step comes from the part, and is taken back. Built-in parts do not
        cancel their callers, and are not examined: this runs dozens of times a file.

        Returns:
            Whether the call has returned, and its result, or else what it waits for.

        Raises:
            CancelledBySelf: It has ended after it cancelled its caller. The task still has to
                receive that; see :func:`_receive_cancellation`.
        """
        task = None if self._is_built_in else _current_task()
        cancellations = 0 if task is None else task.cancelling()
        clock = self._clock  # begin() and end() written out
        outer, clock.charged = clock.charged, 0.0
        caller, clock.running = clock.running, self._owner
        clock.steps += 1
        began = clock.now()
        try:
            return False, next(steps) if cause is None else steps.throw(cause)
        except StopIteration as stop:
            if task is not None and task.cancelling() > cancellations:
                _take_back(task, cancellations)
                raise CancelledBySelf("it cancelled the task that called it") from stop
            return True, stop.value
        except BaseException as error:
            if task is not None and _take_back(task, cancellations):
                raise CancelledBySelf("it cancelled the task that called it") from error
            raise
        finally:
            seconds = clock.now() - began
            own, clock.charged = seconds - clock.charged, outer + seconds
            clock.running = caller
            if task is not None and task.cancelling() > cancellations:
                _take_back(task, cancellations)  # it is delivered through the future
            if own > self._hold_limit:
                clock.report(own, self._part, self._counts)

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
                retry_after=RETRY_SECONDS,
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
            has_returned, future = self._advance(steps)
            if not has_returned:
                await self._continue(steps, future)
        except BaseException as raised:
            if raised is error:
                return
            if isinstance(raised, CancelledBySelf):
                await _receive_cancellation()
            self._raise_instead(raised)
            raise

    @types.coroutine
    def _continue(self, steps: Generator[Any, Any, T], future: Any) -> Generator[Any, Any, T]:
        """Run the rest of a call that waits for a future."""
        while True:
            cause: BaseException | None = None
            try:
                yield future
            except BaseException as error:  # noqa: BLE001 - it is the awaitable's to handle
                cause = error
            has_returned, value = self._advance(steps, cause)
            if has_returned:
                return cast("T", value)
            future = value

    def _passes(self, error: BaseException) -> bool:
        """Return whether the caller raised, and no fault of the part."""
        return super()._passes(error) or caller_is_cancelled(error)


def _current_task() -> "asyncio.Task[Any] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return None


def _take_back(task: "asyncio.Task[Any]", cancellations: int) -> bool:
    """Take back requests to cancel a task; return whether there were any.

    Args:
        task: The task.
        cancellations: How many requests stay.
    """
    requests = task.cancelling() - cancellations
    for _ in range(requests):
        task.uncancel()
    return requests > 0


@types.coroutine
def _receive_cancellation() -> Generator[None, None, None]:
    """Let the current task receive a cancellation that was taken back, and continue.

    Raises:
        CancelledError: It was cancelled by another one meanwhile.
    """
    task = _current_task()
    cancellations = 0 if task is None else task.cancelling()
    with suppress(asyncio.CancelledError):
        yield
    if task is not None and task.cancelling() > cancellations:
        raise asyncio.CancelledError
