"""Measures how long parts hold the event loop, and knows which part runs on it."""

import logging
import time
from collections.abc import Callable

from .parts import Part, PartCounts

logger = logging.getLogger(__name__)

DEFAULT_HOLD_SECONDS = 0.1


class LoopClock:
    """A clock of how long parts keep the event loop from everything else.

    Parts call each other (an importer awaits the catalogue): each is charged for its own time.
    A step of a part is enclosed by :meth:`begin` and :meth:`end`.

    Args:
        limit_seconds: A part that holds the loop for longer is logged and counted.
        clock: Returns seconds.

    Attributes:
        limit_seconds: The limit.
        now: Returns seconds.
        charged: Seconds of the present step that other parts were charged for.
        running: The part whose code runs on the loop, with its counts; ``None`` between steps.
        steps: The number of steps that have begun.
    """

    def __init__(
        self,
        limit_seconds: float = DEFAULT_HOLD_SECONDS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.limit_seconds = limit_seconds
        self.now = clock
        self.charged = 0.0
        self.running: tuple[Part, PartCounts] | None = None
        self.steps = 0

    def begin(
        self, owner: tuple[Part, PartCounts]
    ) -> tuple[float, float, tuple[Part, PartCounts] | None]:
        """Begin an uninterrupted step on the event loop; return what :meth:`end` needs."""
        outer, self.charged = self.charged, 0.0
        caller, self.running = self.running, owner
        self.steps += 1
        return outer, self.now(), caller

    def end(
        self,
        step: tuple[float, float, tuple[Part, PartCounts] | None],
        owner: tuple[Part, PartCounts],
        limit_seconds: float,
    ) -> None:
        """End a step of a part; report it if it held the event loop too long."""
        outer, began, self.running = step
        seconds = self.now() - began
        own, self.charged = seconds - self.charged, outer + seconds
        if own > limit_seconds:
            self.report(own, *owner)

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
