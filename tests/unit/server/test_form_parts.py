"""Forms taken apart: in any pieces, the same fields and bytes of the file."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.errors import ProtocolError
from pdfsluice.server.multipart.delimiter import Delimiter
from pdfsluice.server.multipart.parts import MAX_FIELD_SIZE, MAX_OVERHEAD, FormParts

BOUNDARY = "--a1b2"
MARK = b"\r\n--" + BOUNDARY.encode()
NAMES = ("chunk_id", "checksum")

nearly_marks = st.sampled_from([MARK[:n] for n in range(1, len(MARK))] + [b"\r", b"\n", b"--"])
contents = st.lists(st.one_of(st.binary(max_size=20), nearly_marks), max_size=12).map(b"".join)
files = contents.filter(lambda data: MARK not in data + b"\r")


def part(name: str, value: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + value + b"\r\n"


def form(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(part(*each) for each in parts) + f"--{BOUNDARY}--\r\n".encode()


def cut(data: bytes, places: Sequence[int]) -> Iterator[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    for start, end in pairwise(edges):
        yield data[start:end]


def take(parts: FormParts, pieces: Iterator[bytes]) -> bytes:
    file = bytearray()
    for piece in pieces:
        if piece:
            for data in parts.feed(memoryview(piece)):
                file += data
    for data in parts.feed(b""):
        file += data
    return bytes(file)


@given(files, files, st.lists(st.integers(0, 10_000), max_size=30))
def test_pieces_do_not_matter(file: bytes, value: bytes, places: Sequence[int]) -> None:
    text = value.hex().encode()
    whole = form(("chunk_id", b"7"), ("file", file), ("checksum", text))
    parts = FormParts(BOUNDARY, NAMES, "file")
    assert take(parts, cut(whole, places)) == file
    assert parts.fields == {"chunk_id": "7", "checksum": text.decode()}
    assert parts.file_size == len(file)


@pytest.mark.parametrize("fast", [True, False])
@given(
    st.lists(
        st.sampled_from([MARK, *(MARK[:n] for n in range(1, len(MARK))), b"\n", b"x" * 70_000])
    )
)
def test_the_delimiter_is_found_where_it_is(fast: bool, pieces: list[bytes]) -> None:
    data, delimiter = b"".join(pieces), Delimiter(BOUNDARY, fast=fast)
    assert delimiter.find(memoryview(data)) == delimiter.find(data) == data.find(MARK)


def test_a_file_full_of_what_delimiters_begin_with_is_searched_in_another_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each would cost some microseconds to look at."""
    delimiter, real = Delimiter(BOUNDARY), Delimiter._find_stem
    searches: list[int] = []

    def counted(self: Delimiter, data: bytes, start: int) -> int:
        searches.append(start)
        return real(self, data, start)

    monkeypatch.setattr(Delimiter, "_find_stem", counted)
    assert delimiter.find(b"\r\n--" * 1_000_000 + MARK) == 4_000_000
    assert len(searches) < 100


@given(files)
def test_byte_by_byte(file: bytes) -> None:
    whole = form(("file", file), ("chunk_id", b"1"))
    parts = FormParts(BOUNDARY, NAMES, "file")
    assert take(parts, cut(whole, range(len(whole)))) == file
    assert parts.fields == {"chunk_id": "1"}


def test_the_end_is_found_across_the_pieces_that_are_searched() -> None:
    for size in (65_530, 65_536, 65_540, 131_072, 300_000):
        file = b"\r\n" * (size // 2)
        parts = FormParts(BOUNDARY, NAMES, "file")
        assert take(parts, iter([form(("file", file))])) == file


@given(contents, st.lists(st.integers(0, 10_000), max_size=10))
def test_anything_is_taken_apart_or_refused(data: bytes, places: Sequence[int]) -> None:
    parts = FormParts(BOUNDARY, NAMES, "file")
    try:
        file = take(parts, cut(data, places))
    except ProtocolError:
        return
    assert len(file) <= len(data)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (form(("file", b"1"), ("file", b"2")), "more than one field 'file'"),
        (form(("colour", b"red")), "'colour', which is not known"),
        (form(("chunk_id", b"1"), ("chunk_id", b"1")), "more than once"),
        (form(("chunk_id", b"9" * (MAX_FIELD_SIZE + 1))), "longer than"),
        (form(("chunk_id", b"\xff")), "not UTF-8"),
        (form(("file", b"data"))[:-6], "malformed"),
        (part("file", b"data") + b"--" + BOUNDARY.encode() + b"oops", "malformed"),
        (b"no form at all", "malformed"),
        (b"", "malformed"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        take(FormParts(BOUNDARY, NAMES, "file"), iter([body]))


@pytest.mark.parametrize(
    ("end", "words"), [(b"", "a line of more than"), (b"\r\n", "too many bytes besides the file")]
)
def test_endless_text_next_to_the_file_is_refused(end: bytes, words: str) -> None:
    parts = FormParts(BOUNDARY, NAMES, "file")
    text = [b"x" * (1000 - len(end)) + end] * (MAX_OVERHEAD // 1000 + 2)
    with pytest.raises(ProtocolError, match=words):
        take(parts, iter(text))
