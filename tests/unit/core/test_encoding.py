"""Findings and reports survive their encoding as JSON."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core import errors
from pdfsluice.core.models.encoding import read_report, to_json
from pdfsluice.core.models.findings import (
    Finding,
    Revision,
    Severity,
    StageReport,
    Trigger,
    Unscanned,
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.none() | st.integers(0, 2**63 - 1)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
findings = st.builds(
    Finding,
    kind=words,
    severity=st.sampled_from(Severity),
    stage=words,
    message=words,
    advice=words,
    offset=numbers,
    object=numbers,
    trigger=st.none() | st.sampled_from(Trigger),
    hidden=st.booleans(),
    revision=st.sampled_from(Revision),
    excerpt=words,
    details=st.dictionaries(words, values, max_size=3),
)
reports = st.builds(
    StageReport,
    findings=st.lists(findings, max_size=3).map(tuple),
    unscanned=st.lists(
        st.builds(
            Unscanned, stage=words, reason=words, message=words, offset=numbers, object=numbers
        ),
        max_size=2,
    ).map(tuple),
    facts=st.dictionaries(words, values, max_size=3),
    settles=st.frozensets(words, max_size=2),
    supersedes=st.frozensets(words, max_size=2),
)


@given(reports)
def test_a_report_arrives_as_it_was_sent(report: StageReport) -> None:
    assert read_report(orjson.loads(to_json(report)), max_entries=10) == report


def test_what_is_no_unicode_arrives_tamed() -> None:
    report = StageReport(facts={"title": "a\ud800b", "huge": 2**80})
    read = read_report(orjson.loads(to_json(report)), max_entries=10)
    assert read.facts == {"title": "a?b", "huge": str(2**80)}


def kinds(kind: type[errors.PdfsluiceError]) -> list[type[errors.PdfsluiceError]]:
    """Return a kind of error and those derived from it, as far as they are the core's."""
    own = [derived for derived in kind.__subclasses__() if derived.__module__ == errors.__name__]
    return [kind, *(each for derived in own for each in kinds(derived))]


@pytest.mark.parametrize("kind", kinds(errors.PdfsluiceError))
def test_an_error_arrives_as_it_was_raised(kind: type[errors.PdfsluiceError]) -> None:
    waits: dict[str, Any] = {"retry_after": 2.5}
    limited = issubclass(kind, errors.RateLimited | errors.Overloaded)
    error = kind("what", hint="why", **(waits if limited else {"details": {"limit": 7}}))
    read = errors.from_record(orjson.loads(to_json(errors.to_record(error))))
    assert type(read) is kind
    assert (read.message, read.hint, read.details) == ("what", "why", error.details)
    assert getattr(read, "retry_after", None) == getattr(error, "retry_after", None)


def test_an_error_with_a_constructor_of_its_own_arrives_too() -> None:
    class OddlyMade(errors.StageFailed):
        code = "oddly-made"

        def __init__(self, size: int) -> None:
            super().__init__(f"{size} are too many", details={"size": size})

    read = errors.from_record(orjson.loads(to_json(errors.to_record(OddlyMade(7)))))
    assert isinstance(read, OddlyMade)
    assert (read.message, str(read), read.details) == ("7 are too many",) * 2 + ({"size": 7},)


def test_an_error_of_an_unknown_kind_is_one_of_ours() -> None:
    record = {"code": "of-another-version", "message": "what", "hint": "", "details": {}}
    assert type(errors.from_record(record)) is errors.PdfsluiceError
