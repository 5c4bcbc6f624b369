"""What becomes of events when a sink is slow, fails or ends."""

import asyncio
import logging

import pytest

from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.events import Event, MemoryWarning, UploadStatus
from pdfsluice.core.plugins.ports.sinks import EventSinkSpec


def warning(number: int) -> MemoryWarning:
    return MemoryWarning(at=number, memory_usage_mb=1, memory_limit_mb=2, warning="")


def end(number: int) -> UploadStatus:
    return UploadStatus(
        at=number, session_id="", owner="", status="completed", stage="completed", message=""
    )


class Held:
    """A sink that handles nothing until it is let."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def handle(self, event: Event) -> None:
        self.begun.set()
        await self.let.wait()
        self.seen.append(event.at)


async def test_the_end_of_an_upload_is_kept_before_its_progress(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink, hub = Held(), EventHub()
    async with hub.running([EventSinkSpec(name="slow", sink=sink, capacity=3)]):
        hub.publish(warning(0))
        await sink.begun.wait()
        with caplog.at_level(logging.WARNING):
            for number in range(1, 7):
                hub.publish(end(number) if number in {2, 5} else warning(number))
        assert hub.dropped == {"slow": 3}
        sink.let.set()
    assert sink.seen == [0, 2, 5, 6], "in their order, and the ends are among them"
    assert caplog.text.count("is too slow") == 1


async def test_a_queue_of_ends_alone_is_bounded() -> None:
    sink, hub = Held(), EventHub()
    async with hub.running([EventSinkSpec(name="slow", sink=sink, capacity=2)]):
        hub.publish(end(0))
        await sink.begun.wait()
        for number in range(1, 6):
            hub.publish(end(number))
        assert hub.dropped == {"slow": 3}
        sink.let.set()
    assert sink.seen == [0, 4, 5]


@pytest.mark.parametrize(
    "error", [ValueError(), asyncio.CancelledError(), SystemExit(1)], ids=lambda e: type(e).__name__
)
async def test_a_sink_continues_after_it_has_raised(error: BaseException) -> None:
    class Odd:
        def __init__(self) -> None:
            self.seen: list[float] = []

        async def handle(self, event: Event) -> None:
            if event.at == 0:
                raise error
            self.seen.append(event.at)

    sink, hub = Odd(), EventHub()
    async with hub.running([EventSinkSpec(name="odd", sink=sink)]):
        hub.publish(end(0))
        hub.publish(end(1))
    assert sink.seen == [1]


async def test_a_sink_receives_the_kinds_that_it_names() -> None:
    kinds: set[type[Event]] = {UploadStatus}
    few, every, hub = Held(), Held(), EventHub()
    few.let.set()
    every.let.set()
    specs = [
        EventSinkSpec(name="few", sink=few, events=kinds),
        EventSinkSpec(name="every", sink=every),
    ]
    async with hub.running(specs):
        hub.publish(warning(0))
        hub.publish(end(1))
        kinds.add(MemoryWarning)  # a change counts from the next event on
        hub.publish(warning(2))
        kinds.clear()
        hub.publish(end(3))
    assert few.seen == [1, 2]
    assert every.seen == [0, 1, 2, 3]
