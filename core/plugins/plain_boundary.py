"""The boundary around calls into built-in parts that a file crosses often."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeVar, cast

from .answers import Check
from .boundary import Boundary

T = TypeVar("T")


class PlainBoundary(Boundary):
    """The boundary of a built-in part that does little on the event loop.

    It translates errors, holds time limits and knows the calls that do not return. A file
    crosses it dozens of times, in steps of microseconds: to measure them takes as long. What
    these parts return is checked by the contract suites. A step inside one of another part is
    measured all the same: each is charged for its own time.
    """

    def call(
        self, function: Callable[..., T], *args: Any, check: Check | None = None, **kwargs: Any
    ) -> T:
        """Call a function of the part on the event loop."""
        if self._clock.running is not None:
            return super().call(function, *args, check=check, **kwargs)
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            self._raise_instead(error)
            raise

    async def run(
        self,
        function: Callable[..., Awaitable[T]],
        *args: Any,
        check: Check | None = None,
        **kwargs: Any,
    ) -> T:
        """Call a function of the part and await what it returns."""
        if self._clock.running is not None:
            return await super().run(function, *args, check=check, **kwargs)
        name = getattr(function, "__name__", "")
        seconds = self._timeouts.get(name) or self._timeouts.get("")
        calls, call = self._counts.calls, object()
        if seconds is None:
            calls[call] = name, self._clock.now()
        try:
            if seconds is None:
                return await function(*args, **kwargs)
            steps = function(*args, **kwargs).__await__()
            try:
                future = next(steps)
            except StopIteration as stop:  # most calls do not suspend
                return cast("T", stop.value)
            return await self._continue_in_time(steps, future, seconds)
        except BaseException as error:
            self._raise_instead(error)
            raise
        finally:
            calls.pop(call, None)

    async def leave(
        self,
        context: AbstractAsyncContextManager[Any],
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave a context of the part; what its body raised passes through it unchanged."""
        if self._clock.running is not None:
            await super().leave(context, kind, error, traceback)
            return
        try:
            await context.__aexit__(kind, error, traceback)
        except BaseException as raised:
            if raised is error:
                return
            self._raise_instead(raised)
            raise
