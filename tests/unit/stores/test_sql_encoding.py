"""How models become rows."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.plugins.sql.encoding import (
    clean,
    from_micros,
    read_session,
    session_row,
    to_json,
    to_micros,
)

odd_text = st.text(st.characters(codec=None))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | odd_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3),
    max_leaves=10,
)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_exact(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment


def test_times_of_any_zone_are_the_same_moment() -> None:
    here = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=5)))
    assert from_micros(to_micros(here)) == here
    assert from_micros(to_micros(here)).tzinfo is UTC


@given(odd_text)
def test_clean_text_fits_every_engine(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    assert cleaned.encode() == clean(cleaned).encode()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_good_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_facts_of_older_rows_are_fields_now() -> None:
    row = session_row(make_session(facts={"duplicate": "a fact of a plugin"}))
    assert read_session(_row(row), ()).facts == {"duplicate": "a fact of a plugin"}
    body = orjson.loads(row["body"])
    del body["duplicate"], body["joined_into"]
    for facts, expected in (
        ({"duplicate": True, "sha256": "x"}, (True, None, {"sha256": "x"})),
        ({"joined_into": "whole"}, (False, "whole", {})),
        ({}, (False, None, {})),
    ):
        row["body"] = orjson.dumps({**body, "facts": facts})
        session = read_session(_row(row), ())
        assert (session.duplicate, session.joined_into, session.facts) == expected


def _row(columns: dict[str, Any]) -> Any:
    return SimpleNamespace(**columns)


@given(json_values)
def test_whatever_a_stage_reports_is_stored(value: Any) -> None:
    assert orjson.loads(to_json(value)) is not ...


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_plain_values_come_back(value: Any) -> None:
    assert orjson.loads(to_json(value)) == value


def test_what_is_not_json_is_an_error() -> None:
    with pytest.raises(TypeError):
        to_json({"x": object()})
