"""A stage reader by itself: turns, checkpoints, and its errors."""

import itertools
import time
from collections.abc import Callable, Sequence

import pytest

from pdfsluice.core.errors import Overloaded, StageFailed, StorageFailed
from pdfsluice.core.models.findings import Finding, Severity, StageReport
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStage, StreamStageSpec
from pdfsluice.core.scanning.reader import StageReader

CONTEXT = StageContext(session_id="1", filename="a.pdf", total_size=None)
SLICE = 10


class Bytes:
    """A source in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read_into(self, offset: int, buffer: memoryview) -> int:
        piece = self.data[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)


class Marker:
    """A stage that finds each ``!`` and knows how many bytes it saw."""

    def __init__(self, context: StageContext) -> None:
        self.seen = int(context.checkpoint or b"0")
        self.fed: list[int] = []
        self.closed = False

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        assert offset == self.seen
        self.seen += len(data)
        self.fed.append(len(data))
        mark = Finding(kind="mark", severity=Severity.LOW, stage="marker", message="!")
        return [mark] * bytes(data).count(b"!")

    def finish(self) -> StageReport:
        return StageReport(facts={"seen": self.seen})

    def checkpoint(self) -> bytes:
        return str(self.seen).encode()

    def close(self) -> None:
        self.closed = True


def reader_of(
    data: bytes,
    opened: list[Marker],
    seen: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> StageReader:
    def open_stage(context: StageContext) -> StreamStage:
        opened.append(Marker(context))
        return opened[-1]

    spec = StreamStageSpec(name="marker", open=open_stage)
    checkpoints = {"marker": (seen, str(seen).encode())} if seen else {}
    return StageReader(Bytes(data), [spec], checkpoints, clock=clock)


def test_it_reads_slice_by_slice_and_stops_where_something_is_found() -> None:
    opened: list[Marker] = []
    reader = reader_of(b"." * 15 + b"!" + b"." * 14, opened)
    buffer = memoryview(bytearray(SLICE))
    assert [found.kind for found in reader.read_on(CONTEXT, 25, buffer)] == ["mark"]
    assert reader.position == 20
    assert reader.read_on(CONTEXT, 25, buffer) == ()
    assert (reader.position, opened[0].fed) == (25, [10, 10, 5])


def test_it_gives_others_a_turn() -> None:
    reader = reader_of(b"." * 100, [], clock=itertools.count(0.0, 0.04).__next__)
    buffer = memoryview(bytearray(SLICE))
    reader.read_on(CONTEXT, 100, buffer)
    assert 0 < reader.position < 100


def test_it_continues_from_a_checkpoint() -> None:
    opened: list[Marker] = []
    reader = reader_of(b"." * 30, opened, seen=12)
    assert reader.position == 12
    reader.read_on(CONTEXT, 30, memoryview(bytearray(SLICE)))
    assert opened[0].fed == [10, 8]
    assert reader.close() == {"marker": (30, b"30")}
    assert opened[0].closed


def test_there_is_no_checkpoint_after_findings_that_may_be_unreceived() -> None:
    reader = reader_of(b"....!.....", [])
    buffer = memoryview(bytearray(SLICE))
    assert reader.read_on(CONTEXT, 10, buffer)
    assert reader.close() == {}
    reader = reader_of(b"....!....." + b"." * 10, [])
    assert reader.read_on(CONTEXT, 10, buffer)
    assert not reader.read_on(CONTEXT, 20, buffer), "whoever asks again has heard the first"
    assert reader.close() == {"marker": (20, b"20")}


def test_there_is_no_checkpoint_if_another_stage_failed_over_the_same_bytes() -> None:
    class Busy(Marker):
        def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
            raise Overloaded("busy", retry_after=1)

    specs = [
        StreamStageSpec(name="marker", open=Marker),
        StreamStageSpec(name="busy", open=Busy),
    ]
    reader = StageReader(Bytes(b"....!....."), specs, {})
    with pytest.raises(Overloaded):
        reader.read_on(CONTEXT, 10, memoryview(bytearray(SLICE)))
    assert reader.close() == {}, "or the finding would be lost"


def test_bytes_that_are_gone_are_not_taken_for_others() -> None:
    reader = reader_of(b"." * 15, [])
    with pytest.raises(StorageFailed, match="5 of 10 bytes at offset 10"):
        reader.read_on(CONTEXT, 20, memoryview(bytearray(SLICE)))


def test_what_a_stage_raises_names_it() -> None:
    def broken(_context: StageContext) -> StreamStage:
        raise ZeroDivisionError("no")

    reader = StageReader(Bytes(b"."), [StreamStageSpec(name="odd", open=broken)], {})
    with pytest.raises(StageFailed, match=r"'odd' failed \(ZeroDivisionError\)\.$") as caught:
        reader.read_on(CONTEXT, 1, memoryview(bytearray(SLICE)))
    assert caught.value.details == {"stage": "odd"}


def test_without_stages_everything_is_seen() -> None:
    reader = StageReader(Bytes(b""), [], {})
    reader.read_on(CONTEXT, 1000, memoryview(bytearray(SLICE)))
    assert (reader.position, reader.finish(CONTEXT), reader.close()) == (1000, [], {})
