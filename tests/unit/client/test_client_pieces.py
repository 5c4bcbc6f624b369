"""Which pieces of which chunks are sent for what is missing."""

from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.client.pieces import Piece, pieces
from pdfsluice.core.ranges import RangeSet


@st.composite
def uploads(draw: st.DrawFn) -> tuple[int, int, RangeSet]:
    total = draw(st.integers(1, 500))
    chunk_size = draw(st.integers(1, 200))
    points = st.integers(0, total)
    missing = RangeSet.of(draw(st.lists(st.tuples(points, points), max_size=8)))
    return total, chunk_size, missing


@given(uploads())
def test_all_that_is_missing_is_sent_once(upload: tuple[int, int, RangeSet]) -> None:
    total, chunk_size, missing = upload
    found = list(pieces(missing, chunk_size=chunk_size, total=total))

    sent = RangeSet.of((piece.start, piece.end) for piece in found)
    assert all(sent.covers(start, end) for start, end in missing)
    assert sent.size == sum(piece.size for piece in found)
    assert len({piece.chunk for piece in found}) == len(found)


@given(uploads())
def test_pieces_are_what_the_server_takes(upload: tuple[int, int, RangeSet]) -> None:
    total, chunk_size, missing = upload
    for piece in pieces(missing, chunk_size=chunk_size, total=total):
        assert piece.start // chunk_size == piece.chunk
        assert piece.end == min((piece.chunk + 1) * chunk_size, total)
        assert missing.overlap(piece.start, piece.start + 1), "begins where something is missing"


def test_what_is_left_begins_at_the_first_missing_byte() -> None:
    piece = Piece(2, 20, 30)
    assert piece.left([(0, 5), (24, 26), (28, 40)]) == Piece(2, 24, 30)
    assert piece.left([(0, 100)]) == piece
    assert piece.left([(0, 20), (30, 40)]) is None
