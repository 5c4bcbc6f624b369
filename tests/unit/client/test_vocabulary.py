"""The client has types of its own; their words are those of the core."""

from dataclasses import fields

import pytest

from pdfsluice.client import findings, models
from pdfsluice.core import Finding, SessionState, Severity, Unscanned
from pdfsluice.core.uploads.lifecycle import ENDED


def test_states_and_severities_are_those_of_the_core() -> None:
    assert [each.value for each in models.SessionState] == [each.value for each in SessionState]
    assert {each.value for each in models.ENDED} == {each.value for each in ENDED}
    assert [each.value for each in findings.Severity] == [each.value for each in Severity]
    assert [each.rank for each in findings.Severity] == [each.rank for each in Severity]


@pytest.mark.parametrize(
    ("own", "cores"), [(findings.Finding, Finding), (findings.Unscanned, Unscanned)]
)
def test_findings_have_the_fields_of_the_core(own: type, cores: type) -> None:
    assert [each.name for each in fields(own)] == [each.name for each in fields(cores)]
