"""Scripts on closing, saving and printing have that trigger in both passes."""

from pathlib import Path

import pytest
from pikepdf import Dictionary, Pdf

from pdfsluice.core.models.findings import (
    FindingKind,
    Severity,
    StageReport,
    Trigger,
)
from pdfsluice.core.scanning.merging import merge_reports
from pdfsluice.plugins.pdf.deep.stage import DeepStage
from tests.support import active_pdfs as pdfs
from tests.support.scanning import scan_bytes

K = FindingKind
T = Trigger
EVENTS = {"WC": T.CLOSE, "WS": T.SAVE, "DS": T.SAVE, "WP": T.PRINT, "DP": T.PRINT}


@pytest.mark.parametrize(("event", "trigger"), EVENTS.items())
async def test_the_deep_pass_names_the_event(
    inspect_pdf: pdfs.InspectPdf, event: str, trigger: Trigger
) -> None:
    report = await inspect_pdf(pdfs.document_event(event, pdfs.javascript()))
    assert {(f.kind, f.trigger) for f in report.findings} == {
        (K.JAVASCRIPT, trigger),
        (K.ADDITIONAL_ACTIONS, trigger),
    }


@pytest.mark.parametrize("shared", [False, True], ids=["direct", "in an object of their own"])
async def test_what_both_passes_see_of_an_event_is_one_finding(
    stage: DeepStage, tmp_path: Path, shared: bool
) -> None:
    def change(pdf: Pdf) -> None:
        events = {f"/{event}": pdf.make_indirect(pdfs.javascript(event)) for event in EVENTS}
        pdf.Root.AA = pdf.make_indirect(Dictionary(events)) if shared else Dictionary(events)

    path = pdfs.write(tmp_path / "f.pdf", change)
    scanned = scan_bytes(path.read_bytes())
    report = await stage.inspect(pdfs.completion_context(path, *scanned.findings))
    merged = merge_reports([StageReport(findings=scanned.findings), report])
    found = [f for f in merged.findings if f.kind == K.JAVASCRIPT]
    assert {f.excerpt: f.trigger for f in found} == EVENTS
    assert len(found) == len(EVENTS)
    assert {f.severity for f in found} == {Severity.HIGH}
    assert len([f for f in merged.findings if f.kind == K.ADDITIONAL_ACTIONS]) == 1
    for finding in found:
        assert finding.message.endswith(
            {T.CLOSE: "closed.", T.SAVE: "saved.", T.PRINT: "printed."}[finding.trigger or T.OPEN]
        )
