"""The reports of several stages become one, with each fact once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.models.findings import (
    Finding,
    FindingKind,
    Revision,
    Severity,
    StageReport,
    Trigger,
    Unscanned,
)
from pdfsluice.core.scanning.merging import merge_reports

SEEN = Finding(
    kind="javascript",
    severity=Severity.MEDIUM,
    stage="stream",
    message="seen",
    offset=100,
    object=7,
    excerpt="app",
    hidden=True,
)
KNOWN = Finding(
    kind="javascript",
    severity=Severity.HIGH,
    stage="deep",
    message="known",
    advice="careful",
    object=7,
    trigger=Trigger.OPEN,
    excerpt="app.alert",
)


def merged(*reports: list[Finding]) -> list[Finding]:
    return list(merge_reports([StageReport(findings=tuple(r)) for r in reports]).findings)


def test_the_place_of_one_and_the_judgement_of_the_other() -> None:
    (found,) = merged([SEEN], [KNOWN])
    assert (found.stage, found.offset, found.object, found.hidden) == ("stream", 100, 7, True)
    assert (found.trigger, found.severity) == (Trigger.OPEN, Severity.HIGH)
    assert (found.message, found.advice, found.excerpt) == ("known", "careful", "app")


def test_another_object_or_kind_is_another_thing() -> None:
    others = [replace(KNOWN, object=8), replace(KNOWN, kind="launch")]
    assert merged([SEEN], others) == [SEEN, *others]


def test_several_places_in_one_object_all_get_the_trigger() -> None:
    found = merged([SEEN, replace(SEEN, offset=200)], [KNOWN])
    assert [(f.offset, f.trigger) for f in found] == [(100, Trigger.OPEN), (200, Trigger.OPEN)]


def test_several_triggers_of_one_object_are_all_kept_and_the_gravest_comes_first() -> None:
    click = replace(KNOWN, trigger=Trigger.CLICK, severity=Severity.MEDIUM)
    found = merged([SEEN], [click, KNOWN])
    assert [(f.offset, f.trigger) for f in found] == [(100, Trigger.OPEN), (None, Trigger.CLICK)]


def test_a_trigger_that_both_know_is_one_thing() -> None:
    click = replace(KNOWN, trigger=Trigger.CLICK, severity=Severity.MEDIUM)
    found = merged([replace(SEEN, trigger=Trigger.CLICK)], [KNOWN, click])
    assert [(f.offset, f.trigger) for f in found] == [(100, Trigger.CLICK), (None, Trigger.OPEN)]


def test_a_guessed_trigger_gives_way_to_a_known_one() -> None:
    (found,) = merged([replace(SEEN, trigger=Trigger.FIELD)], [KNOWN])
    assert found.trigger is Trigger.OPEN


def test_an_unknown_trigger_takes_nothing_back() -> None:
    grave = replace(SEEN, trigger=Trigger.OPEN, severity=Severity.HIGH)
    (found,) = merged([grave], [replace(KNOWN, trigger=None, severity=Severity.MEDIUM)])
    assert found == grave


def test_an_earlier_revision_is_another_thing() -> None:
    old = replace(SEEN, revision=Revision.EARLIER)
    assert merged([old], [KNOWN]) == [old, KNOWN]


def test_a_stage_knows_its_own_findings_apart() -> None:
    twice = [SEEN, replace(SEEN, offset=200)]
    assert merged(twice) == twice
    assert merged([twice[0]], [twice[1]]) == twice


def test_a_finding_without_a_place_is_about_the_whole_file() -> None:
    trailer = replace(SEEN, kind="encrypted", object=None)
    whole = replace(KNOWN, kind="encrypted", object=None, trigger=None, severity=Severity.LOW)
    (found,) = merged([trailer], [whole])
    assert (found.offset, found.severity, found.message) == (100, Severity.LOW, "known")
    assert merged([SEEN], [whole]) == [SEEN, whole]


def test_a_place_that_only_the_later_stage_knows_is_kept() -> None:
    (found,) = merged([replace(SEEN, offset=None)], [replace(KNOWN, object=SEEN.object, offset=7)])
    assert found.offset == 7


def test_places_without_an_object_stay_apart() -> None:
    here = replace(SEEN, kind="malware", object=None, offset=5)
    there = replace(KNOWN, kind="malware", object=None, offset=900)
    assert merged([here], [there]) == [here, there]


def test_superseded_findings_go_settled_doubts_go_facts_stay() -> None:
    doubt = Unscanned(stage="stream", reason="encrypted", message="m")
    other = replace(doubt, stage="clamav")
    first = StageReport(findings=(SEEN,), unscanned=(doubt, other), facts={"a": 1, "b": 1})
    last = StageReport(
        findings=(replace(KNOWN, stage="stream"),),
        facts={"b": 2},
        settles=frozenset({"stream"}),
        supersedes=frozenset({"stream"}),
    )
    report = merge_reports([first, last])
    assert report.findings == last.findings
    assert report.unscanned == (other,)
    assert report.facts == {"a": 1, "b": 2}


def test_the_same_doubt_is_reported_once() -> None:
    doubt = Unscanned(stage="stream", reason="encrypted", message="m")
    report = StageReport(unscanned=(doubt,))
    assert merge_reports([report, report]).unscanned == (doubt,)


findings = st.builds(
    Finding,
    kind=st.sampled_from([FindingKind.JAVASCRIPT, FindingKind.LAUNCH]),
    severity=st.sampled_from(Severity),
    stage=st.sampled_from(["stream", "deep"]),
    message=st.just("m"),
    offset=st.sampled_from([None, 1, 2]),
    object=st.sampled_from([None, 1, 2]),
    trigger=st.sampled_from([None, *Trigger]),
    revision=st.sampled_from(Revision),
)
reports = st.builds(
    StageReport, findings=st.lists(findings, max_size=8).map(tuple)
)  # fmt: skip


@given(st.lists(reports, max_size=4))
def test_no_kind_object_or_known_trigger_is_ever_lost(given_reports: list[StageReport]) -> None:
    merged_report = merge_reports(given_reports)
    told = [finding for report in given_reports for finding in report.findings]
    assert {f.kind for f in merged_report.findings} == {f.kind for f in told}
    kept = {(f.kind, f.object) for f in merged_report.findings}
    assert {(f.kind, f.object) for f in told if f.object is not None} <= kept
    places = {(f.kind, f.offset) for f in merged_report.findings}
    settled = [f for f in merged_report.findings if f.object and f.offset is not None]
    placed = {(f.kind, f.object) for f in settled}
    for finding in told:  # one thing may have been found at two places of one object
        if finding.offset is not None and (finding.kind, finding.object) not in placed:
            assert (finding.kind, finding.offset) in places
    assert len(merged_report.findings) <= len(told)
