"""Shares of what is alike: some cases in ``make test``, most in ``.ci/run``."""

from collections.abc import Collection, Iterable

import hypothesis
import pytest

WHOLE_PROFILE = "whole"
"""The profile of hypothesis with which tests try all their examples."""
_QUICK_SHARE = 4


def share(values: Iterable[object], every: int, nightly: Collection[object] = ()) -> list[object]:
    """Return values for a parameter; ``make test`` tries each ``every``-th.

    The first is among them. The others are marked as long.

    Args:
        values: All values.
        every: The distance between two values of ``make test``.
        nightly: Values that ``make test-long`` alone tries.

    Raises:
        AssertionError: A value of ``nightly`` is not one of the values.
    """
    values = list(values)
    assert all(value in values for value in nightly)

    def marks(number: int, value: object) -> list[pytest.MarkDecorator]:
        if value in nightly:
            return [pytest.mark.nightly]
        return [pytest.mark.long] if number % every else []

    return [pytest.param(value, marks=marks(number, value)) for number, value in enumerate(values)]


def crossed(rows: Iterable[object], columns: Iterable[object], every: int) -> list[object]:
    """Return all pairs; ``make test`` tries each row and column with some others.

    Both need at least ``every`` members for that. The other pairs are nightly.
    """
    pairs = [
        (row + column, (each, other))
        for row, each in enumerate(rows)
        for column, other in enumerate(columns)
    ]
    return [
        pair if number % every == 0 else pytest.param(*pair, marks=pytest.mark.nightly)
        for number, pair in pairs
    ]


def examples(whole: int, *, least: int = 5) -> int:
    """Return how many examples of a property are tried.

    Args:
        whole: Their number with `WHOLE_PROFILE`; otherwise it is a quarter.
        least: The number is not below this.
    """
    if hypothesis.settings.get_current_profile_name() == WHOLE_PROFILE:
        return whole
    return max(least, whole // _QUICK_SHARE)
