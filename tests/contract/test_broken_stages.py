"""The suites of gates, stages and checksums fail for parts that break a rule."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core import (
    Checksum,
    ChecksumMismatch,
    ChecksumSpec,
    ChunkCheck,
    ChunkIntent,
    CompletionContext,
    Finding,
    Session,
    Severity,
    StageContext,
    StageReport,
)
from pdfsluice.core.testing.contracts import (
    ChecksumContract,
    ChunkCase,
    ChunkStageContract,
    CompletionStageContract,
    FileCase,
    GateContract,
    StreamStageContract,
)
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.broken import Broken, rules, suites

PLAIN, BAIT = make_pdf(["A page."]), make_pdf(["A page."]) + b"bait"
FILES = [
    FileCase(name="plain", content=PLAIN),
    FileCase(name="bait", content=BAIT, kinds=frozenset({"bait"})),
]
CHUNK = b"0123456789" * 500
DIGEST = hashlib.sha256(CHUNK).digest()
CHUNKS = [ChunkCase(name="right", body=CHUNK, after=Checksum("sha256", DIGEST))]


def finding(stage: str = "bait", message: str = "A bait.", offset: int | None = None) -> Finding:
    return Finding(kind="bait", severity=Severity.LOW, stage=stage, message=message, offset=offset)


class Slots:
    """A gate with two slots; it does not return those of chunks that end in some way."""

    def __init__(self, *, kept: type[BaseException] | None) -> None:
        self._free = asyncio.Semaphore(2)
        self._kept = kept

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:
        if self._free.locked():
            raise AssertionError("no slot was returned")
        await self._free.acquire()
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            if not (error is None if self._kept is None else isinstance(error, self._kept)):
                self._free.release()


class KnownSizes:
    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:
        assert chunk.length is not None
        yield


GATES = [
    Broken(GateContract, rule, {"gate": gate})
    for rule, gate in (
        ("test_each_chunk_gives_back_what_it_took", lambda: Slots(kept=None)),
        ("test_a_broken_chunk_gives_back_what_it_took", lambda: Slots(kept=ConnectionError)),
        (
            "test_a_cancelled_chunk_gives_back_what_it_took",
            lambda: Slots(kept=asyncio.CancelledError),
        ),
        ("test_a_chunk_of_unknown_size_is_admitted", KnownSizes),
    )
]


class Ends:
    """Computes a checksum of the slices it has seen, in a way that depends on them."""

    def __init__(self) -> None:
        self._ends = b""

    def update(self, data: memoryview, /) -> None:
        self._ends += bytes(data[-1:])

    def digest(self) -> bytes:
        return hashlib.sha256(self._ends).digest()


class Once:
    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, data: memoryview, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        digest = self._hash.digest()
        self._hash = hashlib.sha256()
        return digest


COMMON = hashlib.sha256()
VECTORS = {b"": hashlib.sha256(b"").hexdigest()}


def checksum(new: Callable[[], Any], name: str = "sha") -> dict[str, Callable[[], Any]]:
    return {"spec": lambda: ChecksumSpec(name=name, new=new), "vectors": lambda: VECTORS}


CHECKSUMS = [
    Broken(ChecksumContract, "test_known_values", checksum(hashlib.sha1)),
    Broken(ChecksumContract, "test_slices_make_no_difference", checksum(Ends)),
    Broken(ChecksumContract, "test_hashers_are_independent", checksum(lambda: COMMON)),
    Broken(ChecksumContract, "test_a_digest_can_be_read_twice", checksum(Once)),
    Broken(
        ChecksumContract,
        "test_the_protocols_can_carry_the_names",
        checksum(hashlib.sha256, name="SHA 256"),
    ),
]


class Check:
    """Compares a checksum; ``seen`` is what was seen of the chunk, ``keep`` how."""

    def __init__(self, keep: Callable[[memoryview], Any], seen: list[Any]) -> None:
        self._keep = keep
        self._seen = seen

    def update(self, data: memoryview) -> None:
        self._seen.append(self._keep(data))

    def finish(self, checksum: Checksum | None) -> None:
        digest = hashlib.sha256(b"".join(map(bytes, self._seen))).digest()
        if checksum is not None and checksum.value != digest:
            raise ChecksumMismatch("The bytes are others.")


class ChecksumStage:
    def __init__(self, keep: Callable[[memoryview], Any], seen: list[Any] | None = None) -> None:
        self._keep = keep
        self._seen = seen

    def begin(self, session: Session, chunk: ChunkIntent) -> ChunkCheck | None:
        return Check(self._keep, [] if self._seen is None else self._seen)


class Impatient:
    """Refuses a chunk whose first slice is short."""

    def begin(self, session: Session, chunk: ChunkIntent) -> ChunkCheck | None:
        return self

    def update(self, data: memoryview) -> None:
        assert len(data) > 1

    def finish(self, checksum: Checksum | None) -> None:
        pass


CHUNK_STAGES = [
    Broken(
        ChunkStageContract,
        rule,
        {"stage": stage, "cases": lambda: CHUNKS * 2},
    )
    for rule, stage in (
        ("test_verdicts_do_not_depend_on_slicing", lambda: ChecksumStage(lambda data: data)),
        ("test_a_check_can_be_given_up", Impatient),
    )
]
CHUNK_STAGES.append(
    Broken(
        ChunkStageContract,
        "test_chunks_are_independent",
        {"stage": lambda: ChecksumStage(bytes, []), "cases": lambda: CHUNKS * 2},
        raises=(ChecksumMismatch,),
    )
)


class Bait:
    """A stream stage that finds a bait in one slice, and again after a checkpoint."""

    def __init__(self, context: StageContext) -> None:
        self._seen = 0
        self._size = context.total_size

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        self._seen += len(data)
        place = bytes(data).find(b"bait")
        return [finding(offset=offset + place)] if place >= 0 else ()

    def finish(self) -> StageReport:
        return StageReport(facts={"seen": self._seen})

    def checkpoint(self) -> bytes | None:
        return b""

    def close(self) -> None:
        pass


class NoEnd(Bait):
    def close(self) -> None:
        assert self._seen == self._size, "the file has not ended"


class NoEmptyFile(Bait):
    def finish(self) -> StageReport:
        assert self._seen
        return super().finish()


def opening(stage: type[Bait]) -> dict[str, Callable[[], Any]]:
    return {"open_stage": lambda: stage, "content": lambda: BAIT}


STREAM_STAGES = [
    Broken(StreamStageContract, rule, opening(stage), only=only)
    for rule, stage, only in (
        ("test_slicing_makes_no_difference", Bait, {"size": 1}),
        ("test_a_checkpoint_is_as_good_as_the_beginning", Bait, {"share": 0.5}),
        ("test_an_unfinished_stage_can_be_closed", NoEnd, {}),
        ("test_an_empty_file_is_no_crash", NoEmptyFile, {}),
    )
]


class Inspector:
    """A completion stage that is right, but for what a subclass breaks."""

    async def inspect(self, context: CompletionContext) -> StageReport:
        content = await asyncio.to_thread(context.path.read_bytes)
        return self.report(context.path, content)

    def report(self, path: Path, content: bytes) -> StageReport:
        return StageReport(findings=(finding(),) if b"bait" in content else ())


class SeesNothing(Inspector):
    def report(self, path: Path, content: bytes) -> StageReport:
        return StageReport()


class Silent(Inspector):
    def report(self, path: Path, content: bytes) -> StageReport:
        return StageReport(findings=(finding(stage="", message=" "),))


class Mixing(Inspector):
    """Keeps the file that it inspects in an attribute."""

    async def inspect(self, context: CompletionContext) -> StageReport:
        self._path = context.path
        await asyncio.sleep(0)
        return self.report(self._path, self._path.read_bytes())


class Careless(Inspector):
    def report(self, path: Path, content: bytes) -> StageReport:
        path.with_suffix(".tmp").write_bytes(b"")
        return super().report(path, content)


class Trusting(Inspector):
    def report(self, path: Path, content: bytes) -> StageReport:
        assert content.startswith(b"%PDF"), "not a PDF"
        return super().report(path, content)


class Stuck(Inspector):
    """Keeps its only slot if it is cancelled."""

    def __init__(self) -> None:
        self._busy = False

    async def inspect(self, context: CompletionContext) -> StageReport:
        if self._busy:
            raise AssertionError("still busy")
        self._busy = True
        report = await super().inspect(context)
        self._busy = False
        return report


COMPLETION_STAGES = [
    Broken(CompletionStageContract, rule, {"stage": stage, "cases": lambda: FILES}, only=only)
    for rule, stage, only in (
        ("test_each_file_has_its_findings", SeesNothing, {}),
        ("test_a_report_can_be_read_by_people", Silent, {}),
        ("test_files_inspected_at_the_same_time_have_the_same_reports", Mixing, {}),
        ("test_the_file_stays_as_it_is", Careless, {}),
        ("test_a_damaged_file_is_no_defect", Trusting, {"name": "no-pdf"}),
        ("test_an_inspection_can_be_cancelled", Stuck, {"turns": 1}),
    )
]

ROWS = [*GATES, *CHECKSUMS, *CHUNK_STAGES, *STREAM_STAGES, *COMPLETION_STAGES]
globals().update(suites(ROWS, __name__))


@pytest.mark.parametrize("contract", sorted({row.contract for row in ROWS}, key=str))
def test_each_rule_is_broken_by_a_part(contract: type) -> None:
    assert {row.rule for row in ROWS if row.contract is contract} == rules(contract)
