"""An alarm that reports a crossed threshold once, until the value falls again."""

_RESET_SHARE = 0.95


class Alarm:
    """A comparison of values with thresholds, with hysteresis.

    Args:
        thresholds: Rising values. One counts as left when the value is 5 % below it.
    """

    def __init__(self, thresholds: tuple[float, ...]) -> None:
        self._thresholds = thresholds
        self._level = 0

    def rises(self, value: float) -> bool:
        """Compare the next value; return whether it has just crossed a threshold."""
        level = sum(value >= threshold for threshold in self._thresholds)
        if level > self._level:
            self._level = level
            return True
        while self._level and value < self._thresholds[self._level - 1] * _RESET_SHARE:
            self._level -= 1
        return False
