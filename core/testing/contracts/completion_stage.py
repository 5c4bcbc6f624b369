"""What every completion stage must do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdfsluice.core import (
    CompletionContext,
    CompletionStage,
    PdfsluiceError,
    Session,
    SessionState,
    StageReport,
)

from .asynchronous import AsyncContract
from .files import DAMAGED, KeptFile, cancelled_after, in_time
from .samples import make_session


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCase:
    """A file and what a completion stage reports about it.

    Attributes:
        name: For the report of pytest.
        content: All bytes of the file.
        kinds: The kinds of its findings.
        session: The upload, with what earlier stages found.
    """

    name: str
    content: bytes
    kinds: frozenset[str] = frozenset()
    session: Session = field(default_factory=lambda: make_session(state=SessionState.VALIDATING))


class CompletionStageContract(AsyncContract):
    """The tests of a completion stage.

    Override ``stage`` with an open stage, and ``cases``.
    """

    @pytest.fixture
    def stage(self) -> CompletionStage:
        raise NotImplementedError("override the fixture 'stage'")

    @pytest.fixture
    def cases(self) -> Sequence[FileCase]:
        """Files, at least one of them with a finding."""
        raise NotImplementedError("override the fixture 'cases'")

    async def test_each_file_has_its_findings(
        self, stage: CompletionStage, cases: Sequence[FileCase], tmp_path: Path
    ) -> None:
        assert any(case.kinds for case in cases), "one case must have a finding"
        for case in cases:
            report = await _inspect(stage, case, tmp_path / case.name)
            assert {finding.kind for finding in report.findings} == case.kinds, case.name

    async def test_a_report_can_be_read_by_people(
        self, stage: CompletionStage, cases: Sequence[FileCase], tmp_path: Path
    ) -> None:
        """Each finding has a message and names the stage, always in the same way."""
        stages: set[str] = set()
        for case in cases:
            report = await _inspect(stage, case, tmp_path / case.name)
            messages = [finding.message for finding in report.findings]
            messages += [item.message for item in report.unscanned]
            assert all(message.strip() for message in messages)
            stages |= {finding.stage for finding in report.findings}
            stages |= {item.stage for item in report.unscanned}
        assert len(stages) == 1
        assert all(stages)

    async def test_files_inspected_at_the_same_time_have_the_same_reports(
        self, stage: CompletionStage, cases: Sequence[FileCase], tmp_path: Path
    ) -> None:
        alone = [await _inspect(stage, case, tmp_path / "a" / case.name) for case in cases]
        together = await asyncio.gather(
            *(_inspect(stage, case, tmp_path / "b" / case.name) for case in cases)
        )
        assert [_comparable(report) for report in together] == [
            _comparable(report) for report in alone
        ]

    async def test_the_file_stays_as_it_is(
        self, stage: CompletionStage, cases: Sequence[FileCase], tmp_path: Path
    ) -> None:
        for case in cases:
            file = KeptFile.make(tmp_path / case.name, case.content)
            await in_time(stage.inspect(CompletionContext(session=case.session, path=file.path)))
            file.check()

    @pytest.mark.parametrize("name", DAMAGED)
    async def test_a_damaged_file_is_no_defect(
        self, stage: CompletionStage, name: str, tmp_path: Path
    ) -> None:
        try:
            report = await _inspect(
                stage, FileCase(name=name, content=DAMAGED[name]), tmp_path / "file"
            )
        except PdfsluiceError:
            return
        assert isinstance(report, StageReport)

    @pytest.mark.parametrize("turns", [0, 1, 5])
    async def test_an_inspection_can_be_cancelled(
        self, stage: CompletionStage, cases: Sequence[FileCase], turns: int, tmp_path: Path
    ) -> None:
        """The next inspection is as good as before."""
        case = next(case for case in cases if case.kinds)
        await cancelled_after(turns, _inspect(stage, case, tmp_path / "cancelled"))
        report = await _inspect(stage, case, tmp_path / "next")
        assert {finding.kind for finding in report.findings} == case.kinds


async def _inspect(stage: CompletionStage, case: FileCase, folder: Path) -> StageReport:
    file = KeptFile.make(folder, case.content)
    return await in_time(stage.inspect(CompletionContext(session=case.session, path=file.path)))


def _comparable(report: StageReport) -> tuple[list[str], list[str]]:
    return sorted(map(repr, report.findings)), sorted(map(repr, report.unscanned))
