"""The rows of :mod:`.frequent_terms` as arrays."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .term_numbers import (
    COLUMN_WEIGHTS,
    HEADING_SHIFT,
    LENGTH,
    MAX_IN_HEADING,
    MAX_IN_TEXT,
)

Numbers: TypeAlias = npt.NDArray[np.uint16]
Offsets: TypeAlias = npt.NDArray[np.int64]

_COLUMNS = len(COLUMN_WEIGHTS)


def joined(rows: Sequence[tuple[int, int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield each code in rows of recent passages and its numbers, as they are stored.

    Args:
        rows: First and last passage and counts, one after the other.
    """
    start, last = rows[0][0], rows[-1][1]
    span = last - start + 1
    parts = [_entries(first, counts, end - first + 1) for first, end, counts in rows]
    offsets = np.concatenate([passages for passages, _, _ in parts]) - start
    codes = np.concatenate([numbers for _, numbers, _ in parts]).astype(np.int64)
    values = np.concatenate([weights for _, _, weights in parts])
    keys, sums = _summed(codes * span + offsets, values)
    bounds = np.flatnonzero(np.diff(keys // span)) + 1
    for some, numbers in zip(np.split(keys, bounds), np.split(sums, bounds), strict=True):
        stored = (some % span).astype(np.uint16)
        yield int(some[0] // span), stored.tobytes() + numbers.tobytes()


def recent_numbers(row: tuple[int, int, bytes], code: int) -> tuple[Offsets, Numbers]:
    """Return the passages that have a code in a row of recent ones, and their numbers."""
    first, last, counts = row
    passages, codes, values = _entries(first, counts, last - first + 1)
    mask = codes == code
    return _summed(passages[mask], values[mask])


def stored_numbers(first: int, counts: bytes) -> tuple[Offsets, Numbers]:
    """Return the passages of a row of one term, and their numbers."""
    offsets, numbers = np.frombuffer(counts, np.uint16).reshape(2, -1)
    return offsets + np.int64(first), numbers


def _summed(keys: Offsets, values: Numbers) -> tuple[Offsets, Numbers]:
    """Return each key once, with the sum of its numbers, part by part."""
    singles, positions = np.unique(keys, return_inverse=True)
    text = np.bincount(positions, values & MAX_IN_TEXT, len(singles)).astype(np.int64)
    heading = np.bincount(positions, values >> HEADING_SHIFT, len(singles)).astype(np.int64)
    parts = np.minimum(text, MAX_IN_TEXT) | np.minimum(heading, MAX_IN_HEADING) << HEADING_SHIFT
    return singles, parts.astype(np.uint16)


def _entries(first: int, counts: bytes, size: int) -> tuple[Offsets, Numbers, Numbers]:
    """Return passage, code and number of each entry of a row of recent passages."""
    data = np.frombuffer(counts, np.uint16)
    lengths, sizes, codes = np.split(data, [size, size * (1 + _COLUMNS)])
    passages = np.arange(first, first + size)
    weights = np.tile(np.array(COLUMN_WEIGHTS, np.uint16), size)
    return (
        np.concatenate(
            [passages, np.repeat(passages, sizes.reshape(size, -1).sum(axis=1, dtype=np.int64))]
        ),
        np.concatenate([np.full(size, LENGTH, np.uint16), codes]),
        np.concatenate([lengths, np.repeat(weights, sizes)]),
    )
