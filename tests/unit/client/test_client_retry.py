"""Spacing and end of repeated attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.client.errors import ClientError, Unreachable
from pdfsluice.client.retry import Patience, RetryPolicy


@given(attempt=st.integers(1, 10_000), asked=st.none() | st.floats(0, 3600))
def test_pause_is_bounded_and_never_shorter_than_asked(attempt: int, asked: float | None) -> None:
    policy = RetryPolicy(first_pause=0.5, longest_pause=8.0)

    pause = policy.pause(attempt, asked)

    assert pause > 0
    assert pause >= (asked or 0)
    assert pause <= max(8.0, 1.25 * (asked or 0))


def test_pauses_grow() -> None:
    policy = RetryPolicy(first_pause=1.0, longest_pause=100.0)
    assert policy.pause(1, None) <= 1.0 < policy.pause(4, None)


def test_clients_interrupted_together_come_back_apart() -> None:
    policy = RetryPolicy()
    assert len({policy.pause(3, 2.0) for _ in range(20)}) > 1


async def test_final_errors_are_raised_at_once() -> None:
    waits: list[float] = []
    patience = Patience(RetryPolicy(), lambda _error, pause: waits.append(pause))
    with pytest.raises(ClientError, match="no such"):
        await patience.wait(ClientError("no such", code="not-found", status=404), 1)
    assert waits == []


async def test_waits_while_patience_lasts() -> None:
    waits: list[float] = []
    policy = RetryPolicy(patience=60, first_pause=0.001)
    patience = Patience(policy, lambda _error, pause: waits.append(pause))
    await patience.wait(Unreachable("gone"), 1)
    assert len(waits) == 1


async def test_a_pause_beyond_the_patience_is_not_begun() -> None:
    patience = Patience(RetryPolicy(patience=5), lambda _error, _pause: None)
    with pytest.raises(Unreachable):
        await patience.wait(Unreachable("gone", retry_after=6.0), 1)
