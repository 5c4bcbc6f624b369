"""How missing ranges are cut into pieces, and the size of these."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.client.link import Link
from pdfsluice.client.pieces import Piece, Todo
from pdfsluice.core.models.ranges import RangeSet

KIB = 1024
MIB = 1024 * KIB


@st.composite
def uploads(draw: st.DrawFn) -> tuple[int, RangeSet]:
    chunk_size = draw(st.integers(1, 200))
    points = st.integers(0, draw(st.integers(1, 500)))
    return chunk_size, RangeSet.of(draw(st.lists(st.tuples(points, points), max_size=8)))


@given(uploads(), st.data())
def test_all_that_is_missing_is_cut_once_also_what_is_put_back(
    upload: tuple[int, RangeSet], data: st.DataObject
) -> None:
    chunk_size, missing = upload
    todo = Todo(missing, chunk_size=chunk_size)
    sent = RangeSet()
    while piece := todo.cut(most := data.draw(st.integers(1, 300))):
        assert 0 < piece.size <= most
        assert piece.start // chunk_size == piece.chunk == (piece.end - 1) // chunk_size
        assert missing.covers(piece.start, piece.end)
        assert not sent.overlap(piece.start, piece.end)
        kept = data.draw(st.integers(piece.start, piece.end)) if sent.size % 2 else piece.end
        todo.put_back(piece.rest([(kept, 1000)]))
        sent = sent.add(piece.start, kept)
    assert sent == missing


def test_the_rest_of_a_piece_is_what_the_server_lacks_of_it() -> None:
    piece = Piece(2, 20, 30)
    assert list(piece.rest([(0, 5), (18, 22), (28, 40)])) == [(20, 22), (28, 30)]
    assert not piece.rest([(0, 20), (30, 40)])


def run(link: Link, bytes_per_second: float, *, rounds: int = 30) -> None:
    """Let a link of a steady rate carry the loads that are asked of it."""
    for _ in range(rounds):
        load = link.load
        link.delivered(load, load.piece, load.piece * load.pieces / bytes_per_second)


def test_it_begins_with_one_piece_of_a_mebibyte_and_doubles_at_most() -> None:
    link = Link(chunk_size=8 * MIB, parallel=4)
    seen = []
    for _ in range(7):
        seen.append((link.load.pieces, link.load.piece))
        run(link, 1e9, rounds=1)
    assert seen == [
        (1, MIB), (2, MIB), (4, MIB), (4, 2 * MIB), (4, 4 * MIB), (4, 8 * MIB), (4, 8 * MIB),
    ]  # fmt: skip


@pytest.mark.parametrize("parallel", [1, 4, 16])
def test_a_load_is_what_the_line_carries_in_four_seconds(parallel: int) -> None:
    rates, chunk_sizes = (1e4, 1e5, 3e5, 1e6, 3e6, 1e8), (64 * KIB, 3 * MIB, 8 * MIB)
    for rate, chunk_size in product(rates, chunk_sizes):
        link = Link(chunk_size=chunk_size, parallel=parallel)
        run(link, rate)
        least = min(256 * KIB, chunk_size)
        expected = min(max(4 * rate, least), chunk_size * parallel)
        assert link.load.size == pytest.approx(expected, rel=0.01), (rate, chunk_size)
        assert least <= link.load.piece <= chunk_size
        assert 1 <= link.load.pieces <= parallel
        assert link.load.pieces == 1 or link.load.piece >= min(MIB, chunk_size)


def test_failures_of_one_load_halve_it_once_and_never_below_the_least() -> None:
    link = Link(chunk_size=8 * MIB, parallel=4)
    run(link, 1e9)
    load = link.load
    for _ in range(load.pieces):
        link.failed(load)
    assert (link.load.pieces, link.load.piece) == (4, 4 * MIB)
    for _ in range(20):
        link.failed(link.load)
    assert (link.load.pieces, link.load.piece) == (1, 256 * KIB)


def test_a_short_piece_does_not_measure_the_link() -> None:
    link = Link(chunk_size=8 * MIB, parallel=4)
    run(link, 1e6)
    load = link.load
    link.delivered(load, 10_000, 0.001)
    link.delivered(load, 10_000, 1.0)
    assert link.load == load
