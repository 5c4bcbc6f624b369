"""Ends a walk before the limits of the process end it, so that it can report."""

import time
from dataclasses import dataclass, field


class OutOfTimeError(Exception):
    """The walk has taken as long as it may."""


DEFAULT_OBJECTS = 100_000
_CHECK_EVERY = 256


@dataclass(slots=True)
class Budget:
    """Time and memory for one file.

    Attributes:
        seconds: How long the walk may take.
        objects: How many objects may be in memory. qpdf keeps every object that it has parsed,
            some 3 KB each, until the file is closed.
    """

    seconds: float
    objects: int = DEFAULT_OBJECTS
    _started: float = field(default_factory=time.monotonic)
    _steps: int = 0

    def spend(self) -> None:
        """Count one step.

        Raises:
            OutOfTimeError: The time is over.
        """
        self._steps += 1
        if self._steps % _CHECK_EVERY == 0 and time.monotonic() - self._started > self.seconds:
            raise OutOfTimeError
