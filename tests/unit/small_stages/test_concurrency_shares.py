"""The gate ``concurrency`` shares its places between principals."""

import asyncio

import pytest

from pdfsluice.core.errors import Overloaded
from pdfsluice.core.models.sessions import ChunkIntent
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.plugins.backpressure.concurrency import ConcurrencyGate
from tests.support.waiting import until

CHUNK = ChunkIntent(offset=0, length=10, max_length=10)


async def settle() -> None:
    """Let everything run that can run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def receive_slowly(gate: ConcurrencyGate, session_id: str, owner: str) -> None:
    """Hold a place until it is taken away, as a very slow connection does."""
    async with gate.admit(make_session(id=session_id, owner=owner), CHUNK):
        await asyncio.Event().wait()


async def test_slow_uploads_of_one_principal_do_not_keep_others_out() -> None:
    gate = ConcurrencyGate(3, patience=0.4)
    slow = [asyncio.create_task(receive_slowly(gate, f"slow-{n}", "mallory")) for n in range(3)]
    await settle()
    async with asyncio.timeout(30), gate.admit(make_session(id="a", owner="ann"), CHUNK):
        await settle()
        ended = [task for task in slow if task.done()]
        assert ended == slow[:1], "the one that has been inside longest"
        assert isinstance(ended[0].exception(), Overloaded)
        assert not ended[0].cancelled()
        # two of one and one of the other is as fair as three places can be
        with pytest.raises(Overloaded):
            async with gate.admit(make_session(id="b", owner="ann"), CHUNK):
                pass
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_the_slowest_upload_of_the_greediest_is_preempted() -> None:
    now = 0.0
    gate = ConcurrencyGate(3, patience=0.2, clock=lambda: now)

    async def receive(name: str, count: int) -> None:
        async with gate.admit(make_session(id=name, owner="mallory"), CHUNK) as pacer:
            await pacer.take(count)
            await asyncio.Event().wait()

    tasks = {}
    for name, since, count in (("fast", 0.0, 10**7), ("slow", 10.0, 300), ("new", 99.5, 0)):
        now = since
        tasks[name] = asyncio.create_task(receive(name, count))
        await settle()
    now = 100.0
    async with asyncio.timeout(30), gate.admit(make_session(id="a", owner="ann"), CHUNK):
        await settle()
        assert [name for name, task in tasks.items() if task.done()] == ["slow"]
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_slow_uploads_cost_another_principal_no_waiting() -> None:
    now = 0.0
    gate = ConcurrencyGate(3, patience=30, clock=lambda: now)
    slow = [asyncio.create_task(receive_slowly(gate, f"slow-{n}", "mallory")) for n in range(6)]
    await settle()
    now = 5.0
    for _ in range(20):
        async with asyncio.timeout(0.5), gate.admit(make_session(id="a", owner="ann"), CHUNK):
            await settle()
        await settle()  # between two chunks nothing of ann's waits
        now += 0.1
    assert sum(task.done() for task in slow) == 1, "the slot is kept for ann"
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_a_slot_is_held_no_longer_than_it_may_be() -> None:
    gate = ConcurrencyGate(3, patience=30, hold=0.05)
    mallory = [asyncio.create_task(receive_slowly(gate, f"m-{n}", "mallory")) for n in range(2)]
    await settle()
    async with gate.admit(make_session(id="a", owner="ann"), CHUNK):
        third = asyncio.create_task(receive_slowly(gate, "m-3", "mallory"))
        await settle()
    await settle()
    assert "m-3" not in gate._inside
    await until(lambda: "m-3" in gate._inside, seconds=5)
    for task in (*mallory, third):
        task.cancel()
    await asyncio.gather(*mallory, third, return_exceptions=True)


async def test_uploads_of_one_principal_preempt_each_other_never() -> None:
    gate = ConcurrencyGate(2, patience=0.2)
    slow = [asyncio.create_task(receive_slowly(gate, f"slow-{n}", "ann")) for n in range(2)]
    await settle()
    with pytest.raises(Overloaded):
        async with gate.admit(make_session(id="late", owner="ann"), CHUNK):
            pass
    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError)
        for end in await asyncio.gather(*slow, return_exceptions=True)
    ), "a cancellation from outside stays one"


async def test_a_free_place_goes_to_the_principal_with_the_fewest() -> None:
    gate = ConcurrencyGate(2, patience=30)
    slow = [asyncio.create_task(receive_slowly(gate, f"slow-{n}", "mallory")) for n in range(3)]
    await settle()
    ann = asyncio.create_task(receive_slowly(gate, "a", "ann"))
    await settle()
    slow[0].cancel()
    await settle()
    inside = set(gate._inside)
    assert inside == {"slow-1", "a"}
    for task in (*slow, ann):
        task.cancel()
    await asyncio.gather(*slow, ann, return_exceptions=True)
