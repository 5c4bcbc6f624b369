"""Filters and predictors, against their own encoders."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.plugins.pdf.syntax.filters import MAX_CHAIN, Filter, decode, filter_chain
from pdfsluice.plugins.pdf.syntax.grammar import unescape_name, unescape_string, unhex
from pdfsluice.plugins.pdf.syntax.values import (
    Dictionary,
    Name,
    Reference,
    Value,
)
from tests.support.pdf_encoding import ENCODERS, predict

LIMIT = 1 << 20


@pytest.mark.parametrize("name", ["FlateDecode", "ASCIIHexDecode", "ASCII85Decode", "LZWDecode"])
@given(data=st.binary(max_size=3000) | st.binary(max_size=30).map(lambda piece: piece * 500))
def test_what_was_encoded_is_decoded(name: str, data: bytes) -> None:
    decoded = decode(ENCODERS[name](data), [Filter(name.encode())], LIMIT)
    assert (decoded.data, decoded.problem) == (data, "")


@given(st.binary(max_size=3000))
def test_runs(data: bytes) -> None:
    decoded = decode(ENCODERS["RunLengthDecode"](data), [Filter(b"RunLengthDecode")], LIMIT)
    assert (decoded.data, decoded.problem) == (data, "")


@pytest.mark.parametrize("kind", range(6))
@given(data=st.binary(min_size=1, max_size=200))
def test_predictors(kind: int, data: bytes) -> None:
    predictor = 2 if kind == 5 else 10 + kind
    parameters = Dictionary([(b"Predictor", predictor), (b"Columns", 7)])
    raw = zlib.compress(predict(data, kind, 7))
    decoded = decode(raw, [Filter(b"FlateDecode", parameters)], LIMIT)
    assert decoded.data[: len(data)] == data


@given(st.binary(max_size=500), st.sampled_from(sorted(ENCODERS)), st.integers(1, 300))
def test_garbage_does_no_harm(data: bytes, name: str, limit: int) -> None:
    assert len(decode(data, [Filter(name.encode())], limit).data) <= max(limit, len(data))


@pytest.mark.parametrize("cut", [10, 100, 300])
def test_damaged_data_gives_what_it_can(cut: int) -> None:
    text = b"".join(b"%d 0 obj " % i for i in range(200))
    raw = zlib.compress(text)
    whole = decode(raw[:cut], [Filter(b"FlateDecode")], LIMIT)
    assert whole.problem == "damaged"
    assert text.startswith(whole.data)
    assert (
        decode(raw[:200] + b"\xff" * 50, [Filter(b"FlateDecode")], LIMIT).data[:100] == text[:100]
    )
    assert decode(raw[2:], [Filter(b"FlateDecode")], LIMIT).data == text


def test_limits_hold() -> None:
    bomb = zlib.compress(bytes(10_000_000))
    decoded = decode(bomb, [Filter(b"FlateDecode")], 1000)
    assert (len(decoded.data), decoded.problem) == (1000, "limit")
    assert decode(b"", [Filter(b"FlateDecode")] * (MAX_CHAIN + 1), 1000).problem == "limit"


def test_what_cannot_be_decoded_is_reported() -> None:
    assert decode(b"x", [Filter(b"JBIG2Decode")], LIMIT).problem == "unknown-filter"
    named = Dictionary([(b"Name", Name(b"StdCF"))])
    assert decode(b"x", [Filter(b"Crypt", named)], LIMIT).problem == "encrypted"
    assert decode(b"x", [Filter(b"Crypt")], LIMIT).data == b"x"


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (None, []),
        (Name(b"Fl"), [b"FlateDecode"]),
        ([None, Name(b"A85"), None, Name(b"LZW")], [b"ASCII85Decode", b"LZWDecode"]),
        (Reference(5, 0), None),
        ([Name(b"Fl"), 5], None),
    ],
)
def test_chains(filters: Value, names: list[bytes] | None) -> None:
    chain = filter_chain(filters, None)
    assert (None if chain is None else [step.name for step in chain]) == names


def test_parameters_belong_to_their_filter() -> None:
    given_parameters = Dictionary([(b"Predictor", 12)])
    chain = filter_chain([None, Name(b"AHx"), Name(b"Fl")], [None, None, given_parameters])
    assert chain is not None
    assert [step.parameters for step in chain] == [None, given_parameters]


def test_escapes() -> None:
    assert unescape_name(b"J#61va#53cript#G#4") == b"JavaScript#G#4"
    assert unescape_string(rb"\141\12x\(\)\\\n\r\t\b\f\z\7") == b"a\nx()\\\n\r\t\b\fz\7"
    assert unescape_string(b"a\\\r\nb\\\nc\rd\r\ne") == b"abc\nd\ne"
    assert unhex(b"4 1\n42 5") == b"ABP"
