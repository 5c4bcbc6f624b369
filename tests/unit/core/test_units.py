"""Units of a file: the bodies of its streams, whatever the file is."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.documents.units import (
    MIN_BLOCK,
    MIN_UNIT,
    Read,
    block_size_of,
    find_streams,
    read_units,
)

BODY = bytes(range(256)) * 3
"""The body of a stream; 768 bytes without a keyword."""


def reader(data: bytes) -> Read:
    return lambda start, end: data[start:end]


def streams(data: bytes, **limits: int) -> list[bytes]:
    found = find_streams(reader(data), len(data), **limits)
    return [data[start:end] for start, end in found]


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]


@pytest.mark.parametrize("begin", [b"stream\n", b"stream\r\n", b"stream\r"])
@pytest.mark.parametrize("end", [b"\nendstream", b"\r\nendstream", b"\rendstream", b"endstream"])
def test_the_ends_of_lines_are_no_part_of_a_unit(begin: bytes, end: bytes) -> None:
    body = b"x" + BODY + b"x"
    assert streams(b"<< /Length 9 >>" + begin + body + end + b"\nendobj") == [body]


def test_text_without_a_line_end_begins_no_unit() -> None:
    assert streams(b"a stream of words " + BODY + b"endstream") == []
    assert streams(b"endstream\n" + BODY + b"\nendstream") == []
    assert streams(b"stream\n" + BODY) == [], "it has no end"
    assert streams(b"stream") == streams(b"") == streams(b"stream\n") == []


def test_small_bodies_are_left_out() -> None:
    small, large = b"x" * (MIN_UNIT - 1), b"x" * MIN_UNIT
    data = b"".join(b"stream\n" + each + b"\nendstream\n" for each in (small, large, small, large))
    assert streams(data) == [large, large]


@pytest.mark.parametrize("window", [9, 10, 64, 100, 1000])
def test_windows_cut_nothing(window: int) -> None:
    bodies = [BODY + bytes([number]) * number + b"x" for number in range(1, 40)]
    data = b"".join(b"1 0 obj\nstream\r\n" + body + b"\r\nendstream " for body in bodies)
    assert streams(data, window=window) == streams(data) == bodies


def test_blocks_and_units_have_the_digests_of_their_bytes() -> None:
    data = b"stream\n" + BODY + b"\nendstream" + bytes(2 * MIN_BLOCK)
    units = read_units(reader(data), len(data))
    assert units.units() == [(7, len(BODY), digest(BODY))]
    expected = [digest(data[at : at + MIN_BLOCK]) for at in range(0, len(data), MIN_BLOCK)]
    assert list(units.blocks) == expected
    assert len(expected) == 3


def test_blocks_grow_with_the_file() -> None:
    assert block_size_of(1) == block_size_of(256 * 1024 * 1024) == MIN_BLOCK
    for size in (2**28 + 1, 2**33, 2**40 + 1):
        assert 2048 <= -(-size // block_size_of(size)) <= 4096


@pytest.mark.parametrize(
    ("make", "limits"),
    [
        (lambda: b"stream\nendstream" * 3000, {"max_keywords": 100}),
        (lambda: b"stream\n" * 3000, {"max_keywords": 100}),
        (lambda: (b"stream\n" + BODY + b"\nendstream") * 300, {"max_units": 50}),
    ],
)
def test_hostile_files_cost_a_bounded_effort(
    make: Callable[[], bytes], limits: dict[str, int]
) -> None:
    data, reads = make(), 0

    def read(start: int, end: int) -> bytes:
        nonlocal reads
        reads += 1
        return data[start:end]

    units = read_units(read, len(data), **limits)
    assert len(units) <= 50
    assert reads < 250, "blocks, windows, and the bodies that count"


@given(st.binary(max_size=3000), st.integers(9, 64))
def test_any_bytes_have_units_that_lie_inside(data: bytes, window: int) -> None:
    data = data.replace(b"\x00", b"stream\n").replace(b"\x01", b"\nendstream" + b"y" * 500)
    at = 0
    for start, end in find_streams(reader(data), len(data), window=window):
        assert at <= start < end <= len(data)
        assert end - start >= MIN_UNIT
        at = end


def test_a_file_that_became_shorter_ends_the_search() -> None:
    data = b"stream\n" + BODY + b"\nendstream" + BODY
    units = read_units(reader(data[:100]), len(data), window=64)
    assert len(units) == 0
