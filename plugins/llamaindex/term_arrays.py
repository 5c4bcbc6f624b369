"""The numbers of terms in passages, read from the index and kept as arrays."""

from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import apsw
import numpy as np
import numpy.typing as npt

from .counts import recent_numbers, stored_numbers
from .frequent_terms import NUMBERS_OF

_MAX_DENSE = 64
"""Frequent terms whose arrays are kept; each takes two bytes for each passage."""
_MAX_SPARSE = 1_000_000
"""Passages in all arrays of other terms that are kept; each takes ten bytes."""

Passages: TypeAlias = npt.NDArray[np.int64]
Numbers: TypeAlias = npt.NDArray[np.uint16]


@dataclass(slots=True)
class _Dense:
    """The numbers of a term, one for each passage up to the last that was counted."""

    numbers: Numbers
    last: int = 0


@dataclass(frozen=True, slots=True)
class _Sparse:
    """The passages up to the last one that have a term, and its numbers there."""

    passages: Passages
    numbers: Numbers
    last: int


class TermArrays:
    """The numbers of frequent and of other terms.

    Numbers of a passage never change, and none is used again. So what was read is added to, or
    read again if it takes no less. Passages that are gone remain.

    Args:
        connection: The database.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._dense: dict[int, _Dense] = {}
        self._sparse: dict[str, _Sparse] = {}
        self._sparse_size = 0

    def of_frequent(self, code: int, last: int) -> Numbers:
        """Return the numbers of a frequent term for all passages up to the last."""
        entry = self._dense.pop(code, None)
        if entry is None or entry.last > last:
            entry = _Dense(np.zeros(last + 1, np.uint16))
        while len(self._dense) >= _MAX_DENSE:
            del self._dense[next(iter(self._dense))]
        self._dense[code] = entry
        if entry.last < last:
            self._extend(entry, code, last)
        return entry.numbers[: last + 1]

    def _extend(self, entry: _Dense, code: int, last: int) -> None:
        if len(entry.numbers) <= last:
            longer = np.zeros(max(last + 1, len(entry.numbers) * 9 // 8), np.uint16)
            longer[: len(entry.numbers)] = entry.numbers
            entry.numbers = longer
        for first, counts in self._db.execute(
            "SELECT first, counts FROM term_counts WHERE code = ? AND last > ?", (code, entry.last)
        ):
            passages, numbers = stored_numbers(first, counts)
            new = passages > entry.last
            entry.numbers[passages[new]] += numbers[new]
        for row in self._db.execute(
            "SELECT first, last, counts FROM recent_counts WHERE last > ?", (entry.last,)
        ):
            passages, numbers = recent_numbers(row, code)
            new = passages > entry.last
            entry.numbers[passages[new]] += numbers[new]
        entry.last = last

    def of_other(self, term: str, last: int) -> tuple[Passages, Numbers]:
        """Return the passages that have another term, and its numbers there."""
        entry = self._sparse.pop(term, None)
        if entry is not None:
            self._sparse_size -= len(entry.passages)
        if entry is None or entry.last != last:
            entry = self._read(term, last)
        while self._sparse and self._sparse_size + len(entry.passages) > _MAX_SPARSE:
            oldest = self._sparse.pop(next(iter(self._sparse)))
            self._sparse_size -= len(oldest.passages)
        self._sparse[term] = entry
        self._sparse_size += len(entry.passages)
        return entry.passages, entry.numbers

    def _read(self, term: str, last: int) -> _Sparse:
        values = chain.from_iterable(self._db.execute(NUMBERS_OF, (term,)))
        passages, numbers = np.fromiter(values, np.int64).reshape(-1, 2).T
        return _Sparse(np.ascontiguousarray(passages), numbers.astype(np.uint16), last)
