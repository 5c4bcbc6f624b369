"""Ends a walk in time for its report, before the limits of the process end it."""

import time
from dataclasses import dataclass, field


class OutOfTimeError(Exception):
    """The walk has taken as long as it may."""


_CHECK_EVERY = 256


@dataclass(slots=True)
class Budget:
    """Time for one file.

    Attributes:
        seconds: How long the walk may take.
    """

    seconds: float
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
