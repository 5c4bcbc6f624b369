"""Rectangles by their place on a page, and right-to-left lines in reading order."""

import random

import pytest

from pdfsluice.core.documents.text.visual_order import VisualCluster, reading_order
from pdfsluice.plugins.pdfium.grid import Cells, Grid
from pdfsluice.plugins.pdfium.objects import Bounds, overlap

BOX = (-20.0, 10.0, 575.0, 852.0)


def rectangles(count: int) -> list[Bounds]:
    source = random.Random(3)
    rectangles = []
    for _ in range(count):
        left, bottom = source.uniform(-100, 600), source.uniform(-100, 900)
        width, height = source.choice([(1, 1), (300, 12), (0.5, 700), (595, 842)])
        rectangles.append((left, bottom, left + width, bottom + height))
    return rectangles


def test_all_that_overlaps_is_found_near_by() -> None:
    cells, grid = Cells(BOX), Grid[Bounds]()
    covers = rectangles(200)
    for cover in covers:
        grid.add(cells.of(cover), cover)
    for text in rectangles(200):
        near = set(grid.near(cells.of(text)))
        assert near >= {cover for cover in covers if overlap(text, cover) > 0}


def test_what_is_far_away_is_not_looked_at() -> None:
    cells, grid = Cells(BOX), Grid[int]()
    for number in range(40):
        bottom = 20.0 + 20 * number
        grid.add(cells.of((50, bottom, 250, bottom + 8)), number)
    assert len(set(grid.near(cells.of((60, 420, 90, 428))))) <= 3


@pytest.mark.parametrize(
    ("visual", "logical"),
    [
        ("ב %100 א", "א %100 ב"),  # the sign of a Hebrew number is on its side (W5)
        # That of an Arabic number is drawn after it (W2).
        ("ب %100 أ", "أ 100% ب"),
        ("ب 100% أ", "أ 100% ب"),
        ("(ב) א", "א (ב)"),
    ],
)
def test_lines_are_read_from_right_to_left(visual: str, logical: str) -> None:
    clusters = [VisualCluster(character) for character in visual]
    assert reading_order(clusters) == logical
