"""The gates ``memory``, ``disk`` and ``concurrency``."""

import asyncio
import random
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.config import Settings
from pdfsluice.core.errors import Overloaded, StorageFailed, StorageFull
from pdfsluice.core.models.events import Event, MemoryWarning
from pdfsluice.core.models.sessions import ChunkIntent
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.plugins import backpressure
from pdfsluice.plugins.backpressure.alarm import Alarm
from pdfsluice.plugins.backpressure.concurrency import ConcurrencyGate
from pdfsluice.plugins.backpressure.options import BackpressureOptions
from pdfsluice.plugins.backpressure.resources import DiskGate, MemoryGate
from pdfsluice.plugins.backpressure.sampling import Sampler
from tests.support.waiting import until

MIB = 1024 * 1024
CHUNK = ChunkIntent(offset=0, length=10, max_length=10)


async def settle() -> None:
    """Let everything run that can run."""
    for _ in range(5):
        await asyncio.sleep(0)


class Visitor:
    """A chunk that enters when it is admitted, and leaves when the test asks."""

    def __init__(self, gate: ConcurrencyGate, session_id: str) -> None:
        self.inside = False
        self._leave = asyncio.Event()
        self.task = asyncio.create_task(self._visit(gate, session_id))

    async def _visit(self, gate: ConcurrencyGate, session_id: str) -> None:
        async with gate.admit(make_session(id=session_id), CHUNK):
            self.inside = True
            try:
                await self._leave.wait()
            finally:
                self.inside = False

    async def leave(self) -> None:
        self._leave.set()
        await self.task
        await settle()


def inside(visitors: Iterable[Visitor]) -> list[bool]:
    """Return for each whether it is inside."""
    return [visitor.inside for visitor in visitors]


async def test_so_many_sessions_come_in_and_the_others_wait_in_line() -> None:
    gate = ConcurrencyGate(2, patience=60)
    visitors = [Visitor(gate, name) for name in "abcd"]
    await settle()
    assert [visitor.inside for visitor in visitors] == [True, True, False, False]
    await visitors[1].leave()
    assert [visitor.inside for visitor in visitors] == [True, False, True, False]
    await visitors[0].leave()
    assert visitors[3].inside
    for visitor in visitors[2:]:
        await visitor.leave()


async def test_chunks_of_one_session_count_once() -> None:
    gate = ConcurrencyGate(1, patience=60)
    first, second, other = (Visitor(gate, name) for name in "aab")
    await settle()
    assert [visitor.inside for visitor in (first, second, other)] == [True, True, False]
    await first.leave()
    assert [visitor.inside for visitor in (second, other)] == [True, False]
    await second.leave()
    assert other.inside
    waiting = [Visitor(gate, "c"), Visitor(gate, "c")]
    await settle()
    await other.leave()
    assert [visitor.inside for visitor in waiting] == [True, True]
    for visitor in waiting:
        await visitor.leave()


async def test_a_session_that_sends_in_parallel_makes_room_for_one_that_waits() -> None:
    gate = ConcurrencyGate(2, patience=60)
    first, second, beside = (Visitor(gate, name) for name in "aac")
    await settle()
    waiting = Visitor(gate, "b")
    await settle()
    third = Visitor(gate, "a")
    await settle()
    further = Visitor(gate, "c")
    await settle()
    visitors = (waiting, third, further)
    assert inside(visitors) == [False, False, True], "one makes room for one that waits"
    await first.leave()
    assert inside(visitors) == [False, False, True]
    await second.leave()
    assert inside(visitors) == [True, False, True], "who waited has its turn first"
    await waiting.leave()
    assert inside(visitors) == [False, True, True]
    for visitor in (beside, further, third):
        await visitor.leave()


async def test_a_request_that_has_gone_takes_no_capacity() -> None:
    gate = ConcurrencyGate(1, patience=60)
    first, waiting = (Visitor(gate, name) for name in "ab")
    await settle()
    second = Visitor(gate, "a")
    await settle()
    assert inside([first, second]) == [True, False]
    waiting.task.cancel()
    await settle()
    assert inside([first, second]) == [True, True]
    await first.leave()
    await second.leave()


async def test_the_last_session_advances_next_to_sessions_that_always_send() -> None:
    gate = ConcurrencyGate(2, patience=60)
    busy = True

    async def send(name: str) -> None:
        while busy:
            async with gate.admit(make_session(id=name), CHUNK):
                await asyncio.sleep(random.random() / 1000)

    workers = [asyncio.create_task(send(name)) for name in "aaaabbbb"]
    await settle()
    async with asyncio.timeout(60):
        for _ in range(20):
            async with gate.admit(make_session(id="c"), CHUNK):
                pass
    busy = False
    await asyncio.gather(*workers)


async def test_a_place_is_free_again_after_an_error() -> None:
    gate = ConcurrencyGate(1, patience=60)
    with pytest.raises(RuntimeError):
        async with gate.admit(make_session(), CHUNK):
            raise RuntimeError
    async with gate.admit(make_session(), CHUNK):
        pass


async def test_patience_ends_with_a_hint() -> None:
    gate = ConcurrencyGate(1, patience=0)
    visitor = Visitor(gate, "a")
    await settle()
    with pytest.raises(Overloaded) as caught:
        async with gate.admit(make_session(id="b"), CHUNK):
            pass
    assert caught.value.retry_after >= 1
    assert "STREAMING_MAX_CONCURRENT_UPLOADS" in caught.value.hint
    await visitor.leave()
    async with gate.admit(make_session(id="b"), CHUNK):
        pass


@pytest.mark.parametrize("before", [True, False])
async def test_a_caller_that_leaves_the_queue_takes_no_place(before: bool) -> None:
    gate = ConcurrencyGate(1, patience=60)
    inside, gone, patient = (Visitor(gate, name) for name in "abc")
    await settle()
    if before:
        gone.task.cancel()
        await settle()
        await inside.leave()
    else:  # cancelled while the place is on its way
        inside._leave.set()
        gone.task.cancel()
        await settle()
    assert gone.task.cancelled()
    assert patient.inside
    await patient.leave()


async def test_a_place_that_comes_too_late_is_passed_on() -> None:
    gate = ConcurrencyGate(1, patience=60)
    inside, gone, patient = (Visitor(gate, name) for name in "abc")
    await settle()
    inside._leave.set()
    await until(lambda: gate._inside.get("b"), interval=0)
    assert not gone.inside, "the place is given, and not yet taken"
    gone.task.cancel()
    await settle()
    assert not gone.inside
    assert patient.inside
    await patient.leave()


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["in", "out", "cancel"]))))
def test_whatever_comes_and_goes_the_limit_holds(
    moves: list[tuple[str, str]],
) -> None:
    async def play() -> None:
        gate = ConcurrencyGate(2, patience=60)
        visitors: dict[str, list[Visitor]] = {name: [] for name in "abcd"}
        for name, move in moves:
            if move == "in":
                visitors[name].append(Visitor(gate, name))
            elif visitors[name]:
                visitor = visitors[name].pop()
                if move == "out" and visitor.inside:
                    await visitor.leave()
                else:
                    visitor.task.cancel()
            await settle()
            inside = {n for n, all_of in visitors.items() if any(v.inside for v in all_of)}
            waiting = {n for n, all_of in visitors.items() if all_of} - inside
            assert len(inside) <= 2
            assert not waiting or len(inside) == 2, "nobody waits while there is a place"
            makes_room = {n for n in inside if not all(v.inside for v in visitors[n])}
            assert len(makes_room) <= len(waiting), "nobody makes room without need"
        for visitor in (visitor for all_of in visitors.values() for visitor in all_of):
            visitor.task.cancel()
        await settle()
        assert not gate._inside
        assert not gate._queue
        assert not gate._owners

    asyncio.run(play())


def unwanted(event: Event) -> None:
    """Take no event."""
    pytest.fail(f"published {event}")


class Number:
    """A number that a test changes, and a clock that moves on at every look."""

    def __init__(self, value: int) -> None:
        self.value = value
        self.reads = 0

    def __call__(self) -> int:
        self.reads += 1
        return self.value


async def test_memory_at_its_limit_admits_nothing() -> None:
    events: list[Event] = []
    resident = Number(500 * MIB)
    gate = MemoryGate(limit_mb=500.0, publish=events.append, resident=resident)
    with pytest.raises(Overloaded) as caught:
        async with gate.admit(make_session(), CHUNK):
            pass
    assert caught.value.retry_after > 0
    (warning,) = events
    assert isinstance(warning, MemoryWarning)
    assert (warning.memory_usage_mb, warning.memory_limit_mb) == (500.0, 500.0)
    assert warning.warning == "Approaching memory limit"


async def test_memory_under_its_limit_admits_and_warns() -> None:
    events: list[Event] = []
    gate = MemoryGate(limit_mb=500.0, publish=events.append, resident=Number(450 * MIB))
    async with gate.admit(make_session(), CHUNK):
        pass
    assert len(events) == 1


async def test_real_memory_is_measured() -> None:
    resident = psutil.Process().memory_info().rss / MIB
    gate = MemoryGate(limit_mb=resident * 2, publish=unwanted)
    async with gate.admit(make_session(), CHUNK):
        pass
    gate = MemoryGate(limit_mb=resident / 2, publish=lambda _: None)
    with pytest.raises(Overloaded):
        async with gate.admit(make_session(), CHUNK):
            pass


async def test_a_full_disk_admits_nothing(tmp_path: Path) -> None:
    events: list[Event] = []
    gate = DiskGate(tmp_path, min_free=100 * MIB, publish=events.append, free=Number(99 * MIB))
    with pytest.raises(StorageFull):
        async with gate.admit(make_session(), CHUNK):
            pass
    (warning,) = events
    assert isinstance(warning, MemoryWarning)
    assert "disk" in warning.warning


async def test_the_real_disk_is_measured(tmp_path: Path) -> None:
    free = psutil.disk_usage(str(tmp_path)).free
    async with DiskGate(tmp_path, min_free=0, publish=unwanted).admit(make_session(), CHUNK):
        pass
    gate = DiskGate(tmp_path, min_free=free * 2, publish=lambda _: None)
    with pytest.raises(StorageFull):
        async with gate.admit(make_session(), CHUNK):
            pass


async def test_looking_costs_a_system_call_four_times_a_second_at_most() -> None:
    clock = SimpleNamespace(now=0.0)
    number, seen = Number(7), list[int]()
    sampler = Sampler(number, seen.append, StorageFailed, clock=lambda: clock.now)
    for _ in range(1000):
        with sampler.watched() as value:
            assert value == 7
        clock.now += 0.001
    assert number.reads == 4
    assert seen == [7] * 4


async def test_a_watched_number_is_read_again_by_itself() -> None:
    clock = SimpleNamespace(now=0.0)
    again = asyncio.Event()

    def seen(value: int) -> None:
        if value == 2:
            again.set()

    number = Number(1)
    sampler = Sampler(number, seen, StorageFailed, clock=lambda: clock.now, tick_seconds=0)
    with sampler.watched():
        number.value = 2
        clock.now += 1
        await again.wait()
    await settle()
    reads = number.reads
    clock.now += 1
    await settle()
    assert number.reads == reads, "nobody looks when nobody is interested"


def test_an_alarm_rings_once_for_each_threshold() -> None:
    alarm = Alarm((0.8, 0.9))
    values = [0.5, 0.81, 0.85, 0.79, 0.81, 0.92, 0.89, 0.91, 0.5, 0.95, 0.95, 0.84, 0.91]
    rings = [value for value in values if alarm.rises(value)]
    assert rings == [0.81, 0.92, 0.95, 0.91]


@given(st.lists(st.floats(0, 2)))
def test_an_alarm_never_rings_below_its_lowest_threshold(values: list[float]) -> None:
    alarm = Alarm((0.8, 0.9))
    assert all(value >= 0.8 for value in values if alarm.rises(value))


def test_the_gates_take_the_settings(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "max_concurrent_uploads": 3})
    context = PluginContext(
        data_dir=tmp_path,
        upload_dir=tmp_path,
        state_dir=tmp_path,
        settings=settings,
        section=lambda _: BackpressureOptions(),
        publish=lambda _: None,
    )
    gates = backpressure.pdfsluice_register_gates(context)
    assert [gate.name for gate in gates] == ["memory", "disk", "concurrency"]
    assert gates[2].after == ("memory", "disk")
    assert vars(gates[2].gate)["_limit"] == 3


async def test_all_gates_can_be_entered_together(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        for gate in (
            MemoryGate(limit_mb=1e9, publish=unwanted),
            DiskGate(tmp_path, min_free=0, publish=unwanted),
            ConcurrencyGate(1, patience=0),
        ):
            await stack.enter_async_context(gate.admit(make_session(), CHUNK))
