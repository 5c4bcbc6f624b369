"""Finds the vectors that are nearest to a query, among all rows of a table.

Signatures of all rows are held in memory. The best by signature are read and compared in full,
so that rows alone decide what is found: new ones are added before each search, and rows that
are gone leave the memory when they are missed.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Self, TypeAlias

import apsw
import numpy as np
import numpy.typing as npt

from .signatures import Columns, Scores, SignatureQuery, columns_of, unit_vectors, unpacked

DEFAULT_MIN_CANDIDATES = 500
_CANDIDATES_PER_RESULT = 5
_BLOCK = 16_384  # signatures: their columns stay in the processor's cache
_ROUGH = 10  # times as many rows are looked at with both bits
_EXCLUDED = -1  # a score

Numbers: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Block:
    """Some rows: one number of each in each array, in its last dimension."""

    numbers: Numbers
    documents: Numbers
    owners: Numbers
    columns: Columns

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def joined(cls, blocks: Sequence[Self]) -> Self:
        """Return the rows of one block or more."""
        names = [field.name for field in fields(cls)]
        arrays = ([getattr(block, name) for block in blocks] for name in names)
        return cls(*(np.concatenate(each, axis=-1) for each in arrays))

    def only(self, mask: Mask) -> Self:
        """Return some of the rows."""
        positions = np.flatnonzero(mask)
        arrays = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(array.take(positions, axis=-1) for array in arrays))


class VectorSearch:
    """A search of one model's table of vectors; see :mod:`.schema` for its columns.

    Args:
        connection: The database.
        table: The name of the table.
        min_candidates: How many vectors are compared in full, at least.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        table: str,
        *,
        min_candidates: int = DEFAULT_MIN_CANDIDATES,
    ) -> None:
        self._db = connection
        self._table = table
        self._min_candidates = min_candidates
        self._blocks: list[_Block] = []
        self._owners: dict[str, int] = {}
        self._last = 0

    def nearest(
        self,
        vector: Sequence[float],
        *,
        owner: str | None,
        limit: int,
        documents: Collection[int] | None,
    ) -> list[tuple[int, float]]:
        """Return the passages whose vectors are nearest, and the cosine of each.

        Args:
            vector: The vector of the query.
            owner: Whose passages; ``None`` for those of all owners.
            limit: How many passages are returned at most.
            documents: The documents to look in; ``None`` for all.
        """
        self._add_new_rows()
        query = SignatureQuery(vector)
        count = max(self._min_candidates, limit * _CANDIDATES_PER_RESULT)
        while True:
            candidates = self._candidates(query, count, owner, documents)
            rows = self._rows(candidates)
            if len(rows) == len(candidates):
                return _best(vector, rows, limit)
            self._forget_gone(set(candidates.tolist()).difference(number for number, *_ in rows))

    def _add_new_rows(self) -> None:
        cursor = self._db.execute(
            "SELECT v.number, p.document, p.owner, v.signature"  # noqa: S608
            f" FROM {self._table} v INDEXED BY {self._table}_signatures"
            " JOIN passages p INDEXED BY passages_without_text ON p.id = v.passage"
            " WHERE v.number > ? ORDER BY v.number",
            (self._last,),
        )
        while rows := list(islice(cursor, _BLOCK)):
            numbers, documents, owners, signatures = zip(*rows, strict=True)
            codes = [self._owners.setdefault(owner, len(self._owners)) for owner in owners]
            block = _Block(
                np.array(numbers, np.int64),
                np.array(documents, np.int64),
                np.array(codes, np.int64),
                columns_of(signatures),
            )
            if self._blocks and len(self._blocks[-1]) + len(block) <= _BLOCK:
                block = _Block.joined([self._blocks.pop(), block])
            self._blocks.append(block)
            self._last = int(numbers[-1])

    def _candidates(
        self,
        query: SignatureQuery,
        count: int,
        owner: str | None,
        documents: Collection[int] | None,
    ) -> Numbers:
        """Return the numbers of the best rows by signature.

        The upper bits choose ten times as many, of which both bits choose the best.
        """
        if not self._blocks:
            return np.empty(0, np.int64)
        rough = [query.rough_scores(block.columns) for block in self._blocks]
        for block, scores in zip(self._blocks, rough, strict=True):
            if owner is not None:
                scores[block.owners != self._owners.get(owner)] = _EXCLUDED
            if documents is not None:
                scores[~np.isin(block.documents, list(documents))] = _EXCLUDED
        least = _score_at(np.concatenate(rough), _ROUGH * count)
        rows = _Block.joined(
            [block.only(each >= least) for block, each in zip(self._blocks, rough, strict=True)]
        )
        if len(rows) <= count:
            return rows.numbers
        return rows.numbers[np.argpartition(query.scores(rows.columns), -count)[-count:]]

    def _rows(self, numbers: Numbers) -> list[tuple[int, int, bytes]]:
        """Return number, passage and vector of the rows that exist."""
        return list(
            self._db.execute(
                f"SELECT number, passage, vector FROM {self._table}"  # noqa: S608
                " WHERE number IN (SELECT value FROM json_each(?))",
                (json.dumps(numbers.tolist()),),
            )
        )

    def _forget_gone(self, missing: Collection[int]) -> None:
        """Forget rows that are missing, and all others of their documents that are gone."""
        masks = [np.isin(block.numbers, list(missing)) for block in self._blocks]
        documents = np.unique(
            np.concatenate(
                [block.documents[mask] for block, mask in zip(self._blocks, masks, strict=True)]
            )
        )
        rows = self._db.execute(
            f"SELECT v.number FROM passages p JOIN {self._table} v ON v.passage = p.id"  # noqa: S608
            " WHERE p.document IN (SELECT value FROM json_each(?))",
            (json.dumps(documents.tolist()),),
        )
        existing = [number for (number,) in rows]
        self._blocks = [
            block.only(~np.isin(block.documents, documents) | np.isin(block.numbers, existing))
            for block in self._blocks
        ]


def _score_at(scores: Scores, rank: int) -> int:
    """Return the score of a rank among those that count; 0 if there are fewer."""
    counts = np.bincount(scores - _EXCLUDED)[1:]  # of each score from 0 on
    return max(0, len(counts) - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), rank)))


def _best(
    vector: Sequence[float], rows: Sequence[tuple[int, int, bytes]], limit: int
) -> list[tuple[int, float]]:
    """Return passages by descending cosine."""
    if not rows:
        return []
    [query] = unit_vectors(np.array([vector], np.float32))
    cosines = unit_vectors(unpacked([data for *_, data in rows])) @ query
    best = np.argsort(-cosines, kind="stable")[:limit]
    return [(int(rows[position][1]), float(cosines[position])) for position in best.tolist()]
