"""Which findings are kept where there are too many."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.models.findings import (
    MAX_FINDINGS,
    Finding,
    Severity,
    gravest,
)

NOTE = Finding(kind="note", severity=Severity.INFO, stage="s", message="m")


def test_what_fits_is_kept_as_it_is() -> None:
    findings = [NOTE] * MAX_FINDINGS
    assert gravest(findings) is findings


def test_the_gravest_are_kept_in_their_order() -> None:
    many = [replace(NOTE, offset=place) for place in range(MAX_FINDINGS)]
    grave = [replace(NOTE, severity=Severity.HIGH, offset=place) for place in range(5)]
    kept = gravest([*many, *grave])
    assert len(kept) == MAX_FINDINGS
    assert list(kept[-5:]) == grave
    assert [found.offset for found in kept[:-5]] == list(range(MAX_FINDINGS - 5))


@given(st.sampled_from(Severity), st.integers(0, 3 * MAX_FINDINGS))
def test_none_is_hidden_by_many_graver_ones(severity: Severity, place: int) -> None:
    odd = replace(NOTE, kind="odd", severity=severity)
    many = [replace(NOTE, severity=Severity.CRITICAL)] * (3 * MAX_FINDINGS)
    kept = gravest([*many[:place], odd, *many[place:]])
    assert odd in kept
    assert len(kept) == MAX_FINDINGS
