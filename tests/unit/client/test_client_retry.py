"""Spacing and end of repeated attempts."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.client.errors import ClientError, Unreachable
from pdfsluice.client.retry import Patience, RetryPolicy


@given(trouble=st.floats(0, 10_000), asked=st.none() | st.floats(0, 3600))
def test_pause_is_bounded_and_never_shorter_than_asked(trouble: float, asked: float | None) -> None:
    policy = RetryPolicy(first_pause=0.5, longest_pause=8.0)

    pause = policy.pause(trouble, asked)

    assert pause > 0
    assert pause >= (asked or 0)
    assert pause <= max(8.0, 1.25 * (asked or 0))


def test_pauses_grow_with_the_trouble() -> None:
    policy = RetryPolicy(first_pause=1.0, longest_pause=100.0)
    assert policy.pause(0, None) <= 1.0 < policy.pause(4, None)


def test_clients_interrupted_together_come_back_apart() -> None:
    policy = RetryPolicy()
    assert len({policy.pause(3, 2.0) for _ in range(20)}) > 1


async def test_final_errors_are_raised_immediately() -> None:
    waits: list[float] = []
    patience = Patience(RetryPolicy(), lambda _error, pause: waits.append(pause))
    with pytest.raises(ClientError, match="no such"):
        await patience.wait(ClientError("no such", code="not-found", status=404))
    assert waits == []


async def test_waits_while_patience_lasts() -> None:
    waits: list[float] = []
    policy = RetryPolicy(patience=60, first_pause=0.001)
    patience = Patience(policy, lambda _error, pause: waits.append(pause))
    await patience.wait(Unreachable("gone"))
    assert len(waits) == 1


async def test_a_pause_beyond_the_patience_is_not_begun() -> None:
    patience = Patience(RetryPolicy(patience=5))
    with pytest.raises(Unreachable):
        await patience.wait(Unreachable("gone", retry_after=6.0))


async def test_patience_begins_to_run_out_with_the_first_failure_since_progress() -> None:
    policy = RetryPolicy(patience=0.2, first_pause=0.001, longest_pause=0.01)
    patience = Patience(policy)
    await asyncio.sleep(0.3)  # something takes long, and succeeds
    await patience.wait(Unreachable("gone"))
    await asyncio.sleep(0.3)
    with pytest.raises(Unreachable):
        await patience.wait(Unreachable("gone"))
    patience.progressed()
    await asyncio.sleep(0.3)
    await patience.wait(Unreachable("gone"))


async def test_answers_alone_are_no_progress() -> None:
    patience = Patience(RetryPolicy(patience=0.2, first_pause=0.01, longest_pause=0.01))

    async def answer() -> str:
        return "still nothing"

    async def fail_and_ask_for_ever() -> None:
        while True:
            await patience.wait(Unreachable("the bytes do not arrive"))
            await patience.retried(answer)

    with pytest.raises(Unreachable):
        await asyncio.wait_for(fail_and_ask_for_ever(), 60)
