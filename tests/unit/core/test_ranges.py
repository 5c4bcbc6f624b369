"""Range sets against sets of integers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.models.ranges import RangeSet

SIZE = 40
ranges = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))


def positions(ranges: RangeSet) -> set[int]:
    return {position for start, end in ranges for position in range(start, end)}


@given(st.lists(ranges))
def test_adding_ranges_in_any_order_is_a_union(added: list[tuple[int, int]]) -> None:
    result = RangeSet()
    for start, end in added:
        result = result.add(start, end)
    assert positions(result) == {p for start, end in added for p in range(start, end)}
    assert result == RangeSet.of(added)
    assert result.size == len(positions(result))
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(result.ranges)]
    assert all(gap > 0 for gap in gaps), "neighbours must be merged"


@given(st.lists(ranges), ranges)
def test_missing_and_overlap_divide_a_range(
    added: list[tuple[int, int]], window: tuple[int, int]
) -> None:
    whole = RangeSet.of(added)
    start, end = window
    inside = set(range(start, end))
    assert positions(whole.overlap(start, end)) == positions(whole) & inside
    assert positions(whole.missing(start, end)) == inside - positions(whole)
    assert whole.covers(start, end) == (inside <= positions(whole))


@given(st.lists(ranges), st.integers(0, SIZE))
def test_what_touches_makes_no_new_range(added: list[tuple[int, int]], position: int) -> None:
    whole = RangeSet.of(added)
    longer = whole.add(position, position + 1)
    assert whole.touches(position) <= (len(longer.ranges) <= len(whole.ranges))
    assert whole.touches(position) == any(start <= position <= end for start, end in whole.ranges)


@given(st.lists(ranges))
def test_the_frontier_is_the_first_missing_byte(added: list[tuple[int, int]]) -> None:
    whole = RangeSet.of(added)
    assert whole.frontier == next(p for p in range(SIZE + 1) if p not in positions(whole))
