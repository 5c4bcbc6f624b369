"""Files are inspected with stages and a policy; a failure of one affects no other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pdfsluice.core import PolicySpec, closing
from pdfsluice.core.errors import Overloaded
from pdfsluice.core.models.findings import (
    Decision,
    Finding,
    Severity,
    StageReport,
    Unscanned,
)
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.stages import CompletionContext, CompletionStageSpec
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStageSpec
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.scanning.inspection import Inspector


def found(stage: str, kind: str = "word") -> Finding:
    return Finding(kind=kind, severity=Severity.LOW, stage=stage, message="m", offset=1)


class Words:
    """A stream stage that finds a word, whatever the slices are."""

    opened = 0

    def __init__(self, context: StageContext) -> None:
        type(self).opened += 1
        self._text = b""
        self._size = context.total_size

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        assert offset == len(self._text)
        self._text += data
        return ()

    def finish(self) -> StageReport:
        assert len(self._text) == self._size
        if b"crash" in self._text:
            raise ValueError("a defect")
        findings = (found("words"),) if b"word" in self._text else ()
        return StageReport(findings=findings, facts={"size": self._size})

    def checkpoint(self) -> None:
        return None

    def close(self) -> None:
        type(self).opened -= 1


class Whole:
    """A completion stage that uses the report of the stream stage."""

    def __init__(self) -> None:
        self.closed = 0

    async def inspect(self, context: CompletionContext) -> StageReport:
        assert context.session.state is SessionState.VALIDATING
        assert context.session.facts["size"] == context.path.stat().st_size
        if "busy" in context.path.name:
            raise Overloaded("the scanner is away", retry_after=1)
        unscanned = Unscanned(stage="whole", reason="r", message="m")
        return StageReport(
            findings=tuple(found("whole", "twice") for _ in context.session.findings),
            unscanned=(unscanned,),
        )

    async def close(self) -> None:
        self.closed += 1


class Policy:
    def decide(self, finding: Finding, session: Session) -> Decision:
        assert session.state is SessionState.VALIDATING
        return Decision.REJECT if finding.kind == "twice" else Decision.FLAG

    def keeps_rejected(self) -> bool:
        return False


def registry(whole: Whole) -> Registry:
    return Registry(
        stream_stages=(StreamStageSpec(name="words", open=Words),),
        completion_stages=(CompletionStageSpec(name="whole", open=closing(lambda: whole)),),
    )


@pytest.mark.parametrize("chunk_size", [1, 3, 1000])
async def test_all_stages_see_the_file(tmp_path: Path, chunk_size: int) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(b"some word here")
    seen: list[int] = []
    whole = Whole()
    async with Inspector(registry(whole), Policy(), chunk_size=chunk_size) as inspector:
        result = await inspector.inspect(path, seen.append)
    assert [finding.kind for finding in result.findings] == ["word", "twice"]
    assert [item.stage for item in result.unscanned] == ["whole"]
    assert result.decision is Decision.REJECT
    assert result.size == sum(seen) == 14
    assert max(seen) <= chunk_size
    assert result.seconds > 0
    assert not result.error
    assert (Words.opened, whole.closed) == (0, 1)


async def test_the_streaming_pass_alone(tmp_path: Path) -> None:
    path = tmp_path / "f.pdf"
    path.write_bytes(b"word")
    inspector = Inspector(registry(Whole()), Policy(), chunk_size=10, whole_files=False)
    async with inspector:
        result = await inspector.inspect(path)
    assert result.decision is Decision.FLAG


async def test_an_empty_file_is_inspected(tmp_path: Path) -> None:
    (tmp_path / "f.pdf").touch()
    async with Inspector(registry(Whole()), Policy(), chunk_size=10) as inspector:
        result = await inspector.inspect(tmp_path / "f.pdf")
    assert (result.decision, result.error) == (Decision.NOTE, "")


DEFECT = "The stream stage 'words' of an unknown distribution failed (ValueError)."


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("absent.pdf", None, "No such file or directory"),
        (
            "crash.pdf",
            b"crash",
            f"{DEFECT} ValueError: a defect",
        ),
        ("busy.pdf", b"x", "the scanner is away"),
    ],
)
async def test_what_goes_wrong_is_reported_and_stops_nothing(
    tmp_path: Path, name: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "good.pdf").write_bytes(b"x")
    async with Inspector(registry(Whole()), Policy(), chunk_size=10) as inspector:
        result = await inspector.inspect(tmp_path / name)
        good = await inspector.inspect(tmp_path / "good.pdf")
    assert (result.decision, result.error) == (None, why)
    assert good.decision is Decision.NOTE
    assert Words.opened == 0


class BrokenPolicy(Policy):
    def decide(self, finding: Finding, session: Session) -> Decision:
        raise RuntimeError("a defect")


async def test_a_defect_of_a_policy_is_one_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "f.pdf").write_bytes(b"word")
    policy = BrokenPolicy()
    parts = replace(registry(Whole()), policies=(PolicySpec(name="mine", policy=policy),))
    async with Inspector(parts, policy, chunk_size=10) as inspector:
        result = await inspector.inspect(tmp_path / "f.pdf")
    assert result.decision is None
    assert result.error == (
        "The policy 'mine' of an unknown distribution failed (RuntimeError). RuntimeError: a defect"
    )
    assert caplog.records == []
