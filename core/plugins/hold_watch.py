"""Watches for calls that do not return: interrupts or reports them.

Nothing else runs while a part holds the loop: no request, no job, no time limit. A thread
watches the loop from outside and has the system interrupt it by a signal. The signal's handler
runs inside the part and raises there, so that the boundary turns the hold into a failure of
that part. Code that waits in the system (``time.sleep``, a socket, a lock) is interrupted as
well; native code that neither returns nor checks for signals is not.
"""

import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType, MappingProxyType

from .boundary import Boundary
from .loop_clock import LoopClock
from .parts import OVERDUE_SECONDS, Part, PartCounts

logger = logging.getLogger(__name__)

_SIGNAL = getattr(signal, "SIGURG", None)  # ignored by default, and used for nothing else here
_TICKS = 4
"""The watch looks so often within a time limit; time in which the process stood still counts
as one tick at most."""

_STEPS: frozenset[CodeType] = frozenset({Boundary.call.__code__, Boundary._advance.__code__})  # noqa: SLF001 - the frames in which parts run


class LoopHeld(BaseException):
    """A part held the event loop for longer than it may.

    No ``Exception``, so that a loop which ignores errors ends as well.
    """


class HoldWatch:
    """A watch that interrupts overlong steps of parts and logs late calls.

    Args:
        clock: Knows which part runs on the event loop.
        parts: The parts whose calls are watched.
        timeout_seconds: How long a step may take.
    """

    def __init__(
        self,
        clock: LoopClock,
        parts: Mapping[Part, PartCounts] = MappingProxyType({}),
        *,
        timeout_seconds: float,
    ) -> None:
        self._clock = clock
        self._parts = parts
        self._reported: set[object] = set()
        self._interval = timeout_seconds / _TICKS
        self._stop = threading.Event()
        self._late_step = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch the event loop of the main thread; another one cannot be interrupted."""
        if _SIGNAL is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.signal(_SIGNAL, self._interrupt)
        thread = threading.Thread(target=self._watch, name="pdfsluice-holds", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            signal.signal(_SIGNAL, previous)

    def _watch(self) -> None:
        main, number = threading.main_thread().ident, _SIGNAL
        step, ticks = 0, 0
        while not self._stop.wait(self._interval):
            self._report_overdue()
            if self._clock.running is None or self._clock.steps != step:
                step, ticks = self._clock.steps, 0
                continue
            ticks += 1
            if ticks >= _TICKS and main is not None and number is not None:
                self._late_step, ticks = step, 0
                signal.pthread_kill(main, number)

    def _report_overdue(self) -> None:
        """Log each call that has not returned for too long, once."""
        late: set[object] = set()
        for part, counts in self._parts.items():
            for call, name in counts.overdue(self._clock.now()).items():
                late.add(call)
                if call not in self._reported:
                    logger.error(
                        "%s has not returned from %r for %g s",
                        part.label,
                        name,
                        OVERDUE_SECONDS,
                    )
        self._reported = late

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        """Raise inside the part, unless it has given the loop back in the meantime.

        Raises:
            LoopHeld: It has not.
        """
        if self._clock.steps != self._late_step or not _is_inside_a_part(frame):
            return
        seconds = self._interval * _TICKS
        raise LoopHeld(f"it held the event loop for over {seconds:g} s and was interrupted")


def _is_inside_a_part(frame: FrameType | None) -> bool:
    """Return whether a step of a part runs, outside the boundary itself."""
    if frame is None or frame.f_code in _STEPS:
        return False
    while frame is not None:
        if frame.f_code in _STEPS:
            return True
        frame = frame.f_back
    return False
