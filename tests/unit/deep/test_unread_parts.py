"""What is not known of a file if the deep pass does not come to its end."""

from dataclasses import replace
from pathlib import Path

import pytest

from pdfsluice.core.models.findings import Finding, FindingKind, Severity, Trigger
from pdfsluice.plugins.pdf.deep.messages import Inspection, unscanned
from pdfsluice.plugins.pdf.deep.unread import unread_parts
from pdfsluice.plugins.pdf.vocabulary import RawFinding
from tests.support.active_pdfs import completion_context


def script(trigger: Trigger | None) -> Finding:
    return Finding(
        kind=FindingKind.JAVASCRIPT,
        severity=Severity.MEDIUM,
        stage="pdf-security",
        message="m",
        offset=1,
        object=7,
        trigger=trigger,
    )


@pytest.mark.parametrize(
    ("trigger", "kind", "objects"),
    [
        (None, FindingKind.RESOURCE_LIMIT, [7]),
        (Trigger.CLICK, FindingKind.RESOURCE_LIMIT, []),
        (None, FindingKind.ENCRYPTED, []),
    ],
    ids=["unknown", "known", "locked"],
)
def test_a_script_whose_trigger_there_was_no_time_to_find_is_not_clean(
    trigger: Trigger | None, kind: FindingKind, objects: list[int]
) -> None:
    session = completion_context(Path("f.pdf"), script(trigger)).session
    session = replace(session, facts={"pdf_version": "1.7"})
    inspection = Inspection(findings=[RawFinding(kind=kind)], unscanned=[unscanned("limit", "m")])
    _, findings = unread_parts(inspection, (), session)
    assert [each.object for each in findings if each.kind == FindingKind.UNREAD] == objects
