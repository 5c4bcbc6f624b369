"""Totals add up, can be taken back, and know percentiles."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.models.totals import Contribution, Distribution, Totals, bucket_of, summed
from pdfsluice.core.models.upload_records import Measures, UploadEnd, UploadRecord

NOW = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)


def a_record(**changes: object) -> UploadRecord:
    values: dict[str, object] = {
        "session_id": "a",
        "account": "key:ann",
        "protocol": "rest",
        "client": "curl/8.1",
        "end": UploadEnd.COMPLETED,
        "began_at": NOW - timedelta(minutes=1),
        "ended_at": NOW,
        "size": 1000,
        "committed_bytes": 1000,
        "resent_bytes": 500,
        "findings": 2,
        "measures": Measures(requests=3, received_bytes=1500, resumes=1, receiving_seconds=0.25),
    }
    return UploadRecord(**(values | changes))  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_exact_to_5_percent(values: list[int], percent: int) -> None:
    distribution = Distribution()
    for value in values:
        distribution.add(bucket_of(value))
    exact = sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
    measured = distribution.percentile(percent)
    assert measured is not None
    assert measured == pytest.approx(exact, rel=0.0501)


def test_a_distribution_of_nothing_or_of_zeros() -> None:
    distribution = Distribution()
    assert distribution.percentile(50) is None
    distribution.add(0)
    assert distribution.percentile(99) == 0.0
    distribution.add(0, -1)
    assert distribution.percentile(50) is None
    assert distribution.to_record() == []


def test_what_is_taken_back_leaves_no_trace() -> None:
    records = [
        a_record(
            committed_bytes=size,
            importing_seconds=size / 1e6 if size % 2 else None,
            measures=Measures(received_bytes=size, validating_seconds=size / 1e7),
        )
        for size in random.Random(1).sample(range(10**6), 50)
    ]
    totals = Totals()
    totals.add(Contribution.of(a_record()))
    expected = Totals.from_record(totals.to_record())
    for record in records:
        totals.add(Contribution.of(record))
    assert totals.uploads == 51
    for record in records:
        totals.add(Contribution.of(record), -1)
    assert totals.to_record() == expected.to_record()


def test_totals_of_parts_are_those_of_the_whole() -> None:
    records = [a_record(committed_bytes=size, importing_seconds=size) for size in range(100)]
    parts = [Totals() for _ in range(7)]
    whole = Totals()
    for number, record in enumerate(records):
        parts[number % 7].add(Contribution.of(record))
        whole.add(Contribution.of(record))
    assert summed(parts).to_record() == whole.to_record()
    assert (whole.uploads, whole.bytes, whole.requests) == (100, sum(range(100)), 300)


def test_an_import_is_measured_from_the_end_of_the_upload() -> None:
    record = a_record()
    assert record.imported(NOW + timedelta(seconds=3)).importing_seconds == 3.0
    assert record.imported(NOW - timedelta(seconds=3)).importing_seconds == 0.0


def test_measures_of_parts_add_up() -> None:
    part = Measures(requests=2, received_bytes=10, resumes=1, receiving_seconds=0.5, saved_bytes=3)
    assert part + part == Measures(
        requests=4, received_bytes=20, resumes=2, receiving_seconds=1.0, saved_bytes=6
    )
    assert part.sent_bytes == 7


def test_totals_of_an_earlier_version_saved_nothing() -> None:
    totals = Totals()
    totals.add(Totals.contribution(a_record(measures=Measures(received_bytes=9, saved_bytes=4))))
    assert totals.sent_bytes == 5
    record = totals.to_record()
    assert Totals.from_record(record).to_record() == record
    del record["saved_bytes"]
    assert Totals.from_record(record).sent_bytes == 9
