"""The two stages as the pipeline sees them."""

import pytest

from pdfsluice.core.models.findings import Finding, FindingKind
from pdfsluice.core.plugins.hookspecs import PROJECT
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStage
from pdfsluice.plugins import pdf
from pdfsluice.plugins.pdf.explanations import EXPLANATIONS
from pdfsluice.plugins.pdf.streaming.codes import PROBLEMS
from pdfsluice.plugins.pdf.streaming.stages import make_stages
from tests.support.evasive_pdfs import evasive_pdf
from tests.support.scanning import scan_bytes

DATA = evasive_pdf("javascript", "no endobj")


def open_all(session_id: str = "s") -> dict[str, StreamStage]:
    return open_from(make_stages(fast=True), session_id)


def open_from(specs: object, session_id: str) -> dict[str, StreamStage]:
    assert isinstance(specs, list)
    context = StageContext(session_id=session_id, filename="x.pdf", total_size=None)
    return {spec.name: spec.open(context) for spec in specs}


def drive(stage: StreamStage, size: int = 100) -> list[Finding]:
    found: list[Finding] = []
    for offset in range(0, len(DATA), size):
        found += stage.feed(memoryview(DATA)[offset : offset + size], offset)
    return found


def test_names() -> None:
    assert list(open_all()) == ["pdf-structure", "pdf-security"]
    assert [spec.name for spec in pdf.pdfsluice_register_options()] == ["pdf"]
    assert getattr(pdf.pdfsluice_register_stream_stages, f"{PROJECT}_impl") is not None


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("lockstep", [True, False])
def test_each_stage_reports_its_own(order: int, *, lockstep: bool) -> None:
    stages = dict(list(open_all().items())[::order])
    if lockstep:
        for offset in range(0, len(DATA), 100):
            for stage in stages.values():
                stage.feed(memoryview(DATA)[offset : offset + 100], offset)
    else:
        for stage in stages.values():
            drive(stage)
    reports = {name: stage.finish() for name, stage in stages.items()}
    assert {f.kind for f in reports["pdf-structure"].findings} == {"malformed"}
    assert {f.kind for f in reports["pdf-security"].findings} == {"javascript"}
    for name, report in reports.items():
        assert {f.stage for f in report.findings} == {name}
        assert report.supersedes == {name}
        stages[name].close()
    assert reports["pdf-structure"].facts == {"pdf_version": "1.7"}


@pytest.mark.parametrize("name", ["pdf-structure", "pdf-security"])
def test_one_stage_alone(name: str) -> None:
    specs = [spec for spec in make_stages(fast=False) if spec.name == name]
    stage = open_from(specs, "s")[name]
    drive(stage)
    whole = [f for f in scan_bytes(DATA).findings if f.stage == name]
    assert list(stage.finish().findings) == whole


def test_sessions_are_apart() -> None:
    specs = make_stages(fast=True)
    one, other = open_from(specs, "one"), open_from(specs, "other")
    drive(one["pdf-security"])
    assert other["pdf-security"].finish().findings == ()
    assert one["pdf-security"].finish().findings != ()


def test_a_stage_that_starts_again_sees_everything() -> None:
    specs = make_stages(fast=True)
    first = open_from(specs, "s")
    drive(first["pdf-security"])
    again = open_from(specs, "s")
    drive(again["pdf-security"])
    assert again["pdf-security"].finish().findings == first["pdf-security"].finish().findings
    for stage in (*first.values(), *again.values()):
        stage.close()


def test_stages_have_no_checkpoint() -> None:
    assert all(stage.checkpoint() is None for stage in open_all().values())


def test_every_kind_and_every_problem_is_explained() -> None:
    assert set(EXPLANATIONS) == set(FindingKind)
    for explanation in EXPLANATIONS.values():
        assert explanation.advice.endswith(".")
        assert explanation.meaning.endswith(".")
    assert all(text and not text.endswith(".") for text in PROBLEMS.values())
