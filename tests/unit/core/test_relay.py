"""Events pass between nodes while clients watch, and those just before they began to."""

from collections.abc import Callable

from pdfsluice.core import Event, EventSinkSpec, Hint, HintKind, UploadStatus
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.events.relay import EventRelay
from pdfsluice.core.plugins.ports.cluster import Alone
from tests.support.waiting import until


class Pair(Alone):
    """One of two nodes, whose hints arrive immediately."""

    shared = True

    def __init__(self) -> None:
        self.sent: list[Hint] = []
        self.other: Pair | None = None
        self._listeners: list[Callable[[Hint], None]] = []

    def notify(self, hint: Hint) -> None:
        """Give the other node a hint."""
        self.sent.append(hint)
        if self.other is not None:
            for listener in self.other._listeners:
                listener(hint)

    def subscribe(self, listener: Callable[[Hint], None]) -> None:
        """Register a listener."""
        self._listeners.append(listener)

    @property
    def events(self) -> list[Hint]:
        """The events among the hints that were sent."""
        return [hint for hint in self.sent if hint.kind is HintKind.EVENT]


class Sink:
    """Keeps what it receives."""

    def __init__(self) -> None:
        self.watches = False
        self.received: list[Event] = []

    async def handle(self, event: Event) -> None:
        """Keep an event."""
        self.received.append(event)


def status(text: str) -> UploadStatus:
    """Return an event that no later one supersedes."""
    return UploadStatus(at=0.0, session_id="a", owner="o", status=text, stage=text, message="")


async def test_states_are_sent_from_the_moment_at_which_a_client_watches() -> None:
    here, there = Pair(), Pair()
    here.other, there.other = there, here
    sink, hub, far = Sink(), EventHub(), EventHub()
    spec = EventSinkSpec(name="far", sink=sink, remote=lambda: sink.watches)
    async with (
        EventRelay(hub, here).running(),
        EventRelay(far, there).running(),
        far.running([spec]),
    ):
        hub.publish(status("validating"))
        assert not here.events, "no client watches at any other node"
        sink.watches = True
        hub.publish(status("importing"))
        await until(lambda: len(sink.received) == 2)
        hub.publish(status("completed"))
        await until(lambda: len(sink.received) == 3)
    states = [event.status for event in sink.received if isinstance(event, UploadStatus)]
    assert states == ["validating", "importing", "completed"]


async def test_what_happened_long_before_is_not_sent() -> None:
    here, there = Pair(), Pair()
    there.other = here
    hub = EventHub()
    EventRelay(hub, here, recent_seconds=0.0)
    hub.publish(status("validating"))
    there.notify(Hint(HintKind.WATCHED))
    hub.publish(status("completed"))
    assert ["completed" in hint.text for hint in here.events] == [True]
