"""The findings are those of the bytes, in any pieces and with any engine."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdfsluice.plugins.pdf.syntax.body import CHECKED
from pdfsluice.plugins.pdf.syntax.effort import Allowance, Effort
from pdfsluice.plugins.pdf.syntax.grammar import LANDMARK, LOOKAHEAD
from pdfsluice.plugins.pdf.syntax.landmarks import Landmarks
from pdfsluice.plugins.pdf.syntax.search import (
    LANDMARK_WORDS,
    NEAR,
    STREAM_ENDS,
    make_finder,
)
from pdfsluice.plugins.pdf.syntax.source import Source
from tests.support.evasive_pdfs import KINDS, TECHNIQUES, evasive_pdf, noise
from tests.support.scanning import scan_bytes, scan_pieces
from tests.support.shares import examples

documents = st.builds(
    evasive_pdf, st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(TECHNIQUES))
)
words = st.sampled_from(
    [
        b"endobj", b"endstream", b"stream\n", b"<<", b">>", b"(", b")", b"<", b"[", b"%", b"\\",
        b"#",
        b"5 0 obj", b"xref\n0 5\n", b"trailer", b"startxref\n1\n", b"%%EOF", b"%PDF-1.4", b"/JS",
        b"/Length 0", b"/Length 9 0 R", b"/Type/ObjStm/First 5/N 99", b"/Type/XRef/W[1 8 8]",
        b"/OpenAction 6 0 R", b"\r", b"\0" * 200, b" " * 3000, b"9" * 3000, b"PK\3\4", b"<script>",
    ]
)  # fmt: skip


@st.composite
def damaged_documents(draw: st.DrawFn) -> bytes:
    """Documents with words of the format put in, overwritten or cut out anywhere."""
    data = draw(documents)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        cut = draw(st.sampled_from([0, 0, 5, 100]))
        data = data[:place] + draw(words) + data[place + cut :]
    return data


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Cut bytes anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(st.data())
@settings(max_examples=examples(150), deadline=None)
def test_any_pieces_give_the_same_findings(data: st.DataObject) -> None:
    document = data.draw(damaged_documents())
    whole, cut = scan_bytes(document), scan_pieces(data.draw(pieces(document)))
    assert (cut.findings, cut.unscanned) == (whole.findings, whole.unscanned)


@given(damaged_documents())
@settings(max_examples=examples(40), deadline=None)
def test_single_bytes_give_the_same_findings(document: bytes) -> None:
    whole, single = scan_bytes(document), scan_bytes(document, size=1)
    assert (single.findings, single.unscanned) == (whole.findings, whole.unscanned)


@given(damaged_documents())
@settings(max_examples=examples(60), deadline=None)
def test_the_engine_makes_no_difference(document: bytes) -> None:
    assert scan_bytes(document, fast=False) == scan_bytes(document)


@given(st.binary(max_size=3000))
@settings(max_examples=examples(100), deadline=None)
def test_anything_can_be_scanned(data: bytes) -> None:
    whole = scan_bytes(b"%PDF-1.4\n" + data)
    assert whole.findings
    assert scan_bytes(b"%PDF-1.4\n" + data, size=7).findings == whole.findings


nearly_words = [b"end", b"e", b"x", b"x" * 50, b"ob", b"%", b"%%", b"PDF-", b"start", b"tra"]


@pytest.mark.parametrize("sought", [STREAM_ENDS, LANDMARK_WORDS])
@given(
    st.lists(st.sampled_from([*STREAM_ENDS, *LANDMARK_WORDS, *nearly_words]), max_size=9),
    st.sampled_from([b"", b" "]),
    st.integers(0, 200),
)
def test_both_finders_find_the_same(
    sought: tuple[bytes, ...], parts: list[bytes], between: bytes, start: int
) -> None:
    fast, plain = make_finder(sought), make_finder(sought, fast=False)
    for filler in (b"", b"." * (NEAR - 5), noise(3 * NEAR)):
        data = filler + between.join(parts)
        assert fast(data, start) == plain(data, start)


landmark_parts = st.sampled_from(
    [
        b"1", b"0", b"12345678901", b" ", b"\n", b"% ", b"%obj\n", b"1 %%EOF\n 0 ", b"obj",
        b"5 0 obj", b"xref", b"xref\n", b"startxref", b"trailer", b"%%EOF", b"%PDF-",
        b" " * 2048, b" " * 2049, b"%" + b"c" * 512 + b"\r", b"x" * 16_380, b"7 " * 33_000,
        b"\0" * 65_530,
    ]
)  # fmt: skip


def _find_quickly(data: bytes, start: int, size: int) -> int:
    """Return the first landmark, or -1, of data in pieces of one size."""
    source = Source()
    search = Landmarks(source, make_finder(LANDMARK_WORDS), Effort(Allowance()))

    def pass_to(stop: int) -> None:
        source.pos = stop

    source.append(data[:size])
    source.pos = start
    steps = search.next(pass_to)
    try:
        for place in (*range(size, len(data), size), len(data)):
            next(steps)
            source.append(data[place : place + size])
            source.ended = place + size >= len(data)
        next(steps)
    except StopIteration as stop:
        return source.offset if stop.value is not None else -1
    raise AssertionError("all data has come")


@given(st.lists(landmark_parts, max_size=12).map(b"".join), st.integers(0, 100))
@settings(deadline=None)
def test_the_quick_search_for_landmarks_finds_what_the_slow_one_does(
    data: bytes, start: int
) -> None:
    slow = LANDMARK.search(data, start)
    place = -1 if slow is None else slow.start()
    for size in (4096, 30_000, len(data) + 1):
        assert _find_quickly(data, min(start, len(data), size), size) == place, size


@st.composite
def long_streams(draw: st.DrawFn) -> tuple[bytes, list[int]]:
    """Documents with a stream of some pieces, and the ends of these."""
    begin = 2 * LOOKAHEAD  # what stands before that is not passed yet
    size = begin + 40_000
    body = bytearray(noise(size).replace(b"end", b"xyz"))
    cuts = [begin + 5000 * n for n in sorted(draw(st.sets(st.integers(0, 7), min_size=2)))]
    launch = b"endstream 5 0 obj<</S/Launch/F(x)>>endobj "
    places = st.sampled_from([*cuts, begin + 7000, size - len(launch)])
    for place in draw(st.lists(places, min_size=1, max_size=3)):
        word = draw(st.sampled_from([launch, *STREAM_ENDS, b"end"]))
        space = b" " * draw(st.sampled_from([0, 0, 20, 70]))
        start = place - draw(st.integers(0, 9)) - len(space)
        body[start : start + len(space + word)] = space + word
    lengths = [size, size - 20, size - 70, begin - 20, 7, 2_000_000, 99_999_999]
    length = draw(st.sampled_from([*map(b"%d".__mod__, lengths), b"9 0 R"]))
    kind = draw(st.sampled_from([b"", b"/Type/XObject/Subtype/Image", b"/Type/EmbeddedFile"]))
    end = draw(st.sampled_from([b"\nendstream\nendobj\n", b"endobj\n", b""]))
    head = b"%%PDF-1.4\n1 0 obj\n<</Length %s%s>>stream\n" % (length, kind)
    tail = end + b"2 0 obj\n<</S/JavaScript/JS(x)>>\nendobj\n"
    return head + bytes(body) + tail, [len(head) + cut for cut in cuts]


@given(long_streams())
@settings(max_examples=examples(300), deadline=None)
def test_the_inside_of_a_stream_is_passed_as_if_it_were_read(
    document_and_cuts: tuple[bytes, list[int]],
) -> None:
    document, cuts = document_and_cuts
    pieces = [document[i:j] for i, j in pairwise([0, *cuts, len(document)])]
    read = scan_bytes(document, size=100)  # too little at a time for anything to be passed
    for passed in (scan_pieces(pieces), scan_bytes(document)):
        assert (passed.findings, passed.unscanned) == (read.findings, read.unscanned)


@pytest.mark.parametrize("cut", range(-70, 10, 3))
def test_space_after_a_long_stream_is_seen_in_any_pieces(cut: int) -> None:
    body = noise(CHECKED + 50_000).replace(b"end", b"xyz")
    head = b"%%PDF-1.4\n1 0 obj\n<</Length %d>>stream\n" % len(body)
    document = head + body + b" " * 64 + b"endstream endobj\n"
    middle, end = CHECKED // 2, len(head + body) + 64 + cut
    scanned = scan_pieces([document[:middle], document[middle:end], document[end:]])
    assert "length-wrong" not in scanned.codes


def _large() -> Iterator[tuple[str, bytes]]:
    """Documents whose parts are larger than what is in view at a time."""
    body = noise(400_000).replace(b"end", b"xyz")
    launch = b"6 0 obj <</S/Launch/F(x)>> endobj "
    yield (
        "stream",
        b"%%PDF-1.4 5 0 obj <</Length %d>> stream\n%s\nendstream endobj "
        % (
            len(body),
            body,
        )
        + launch,
    )
    yield "string", b"%PDF-1.4 5 0 obj (" + b"a\\)(b)" * 30_000 + b") endobj " + launch
    yield "junk", b"%PDF-1.4 " + body + b" " + launch
    yield "comment", b"%PDF-1.4 5 0 obj << %" + b"x" * 300_000 + b"\n/A 1>> endobj " + launch
    yield "white space", b"%PDF-1.4 5 0 obj <<" + b" " * 300_000 + b"/A 1>> endobj " + launch
    yield "name", b"%PDF-1.4 5 0 obj <</" + b"n" * 300_000 + b" 1>> endobj " + launch
    yield "array", b"%PDF-1.4 5 0 obj [" + b"1 0 R /X (y) " * 12_000 + b"] endobj " + launch
    yield "dictionary", b"%PDF-1.4 5 0 obj <<" + b"/K<</X(y)>> " * 12_000 + b">> endobj " + launch


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "data"), [pytest.param(name, data, id=name) for name, data in _large()]
)
def test_large_parts_hide_nothing_in_any_pieces(name: str, data: bytes) -> None:
    whole = scan_bytes(data, size=1 << 24)
    assert "launch" in whole.kinds, name
    for size in (4096, 99_991):
        assert scan_bytes(data, size=size).findings == whole.findings
    assert scan_bytes(data, fast=False).findings == whole.findings
