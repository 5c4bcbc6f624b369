"""Rectangles on a page, found by their place."""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from .objects import Bounds

_COLUMNS, _ROWS = 8, 64  # of cells: lines of text are wide and low
_MAX_CELLS = 96  # an item that spans more is looked at for every question
_EVERYWHERE = -1  # the cell of those items

T = TypeVar("T")


class Cells:
    """The cells of a page.

    Args:
        box: The page; what is outside of it belongs to the cells at its edge.
    """

    def __init__(self, box: Bounds) -> None:
        left, bottom, right, top = box
        self._left, self._bottom = left, bottom
        self._across = _COLUMNS / (right - left) if right > left else 0.0
        self._up = _ROWS / (top - bottom) if top > bottom else 0.0

    def of(self, bounds: Bounds) -> Sequence[int]:
        """Return the numbers of the cells that a rectangle touches."""
        first = _cell((bounds[0] - self._left) * self._across, _COLUMNS)
        last = _cell((bounds[2] - self._left) * self._across, _COLUMNS)
        low = _cell((bounds[1] - self._bottom) * self._up, _ROWS)
        high = _cell((bounds[3] - self._bottom) * self._up, _ROWS)
        if low == high:
            return range(low * _COLUMNS + first, low * _COLUMNS + last + 1)
        if (last - first + 1) * (high - low + 1) > _MAX_CELLS:
            return (_EVERYWHERE,)
        return [
            row * _COLUMNS + column
            for row in range(low, high + 1)
            for column in range(first, last + 1)
        ]


def _cell(place: float, count: int) -> int:
    if 0 <= place < count:
        return int(place)
    return 0 if place < 0 else count - 1


class Grid(Generic[T]):
    """Items by the cells that they touch."""

    def __init__(self) -> None:
        self._items: dict[int, list[T]] = {}
        self._every: list[T] = []

    def __bool__(self) -> bool:
        """Return whether there are items."""
        return bool(self._every)

    def add(self, cells: Sequence[int], item: T) -> None:
        """Add an item."""
        self._every.append(item)
        for cell in cells:
            self._items.setdefault(cell, []).append(item)

    def near(self, cells: Sequence[int]) -> Iterator[T]:
        """Yield the items that may touch some cells, some of them several times."""
        items = self._items
        if cells[0] == _EVERYWHERE:
            yield from self._every
            return
        if _EVERYWHERE in items:
            yield from items[_EVERYWHERE]
        for cell in cells:
            if cell in items:
                yield from items[cell]
