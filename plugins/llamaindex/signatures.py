"""Signatures of vectors: two bits of each number, compared by counting bits.

The upper bit of a number is its sign, the lower one its size: small or large for that sign. The
score of a signature rises with the cosine that its vector has with a query; it chooses
candidates, nothing more.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = npt.NDArray[np.float32]
Columns: TypeAlias = npt.NDArray[np.uint64]
"""A word of 64 bits of each signature after the other: all first words, all second ones, ..."""
Scores: TypeAlias = npt.NDArray[np.int32]

_WORD_BITS = 64
_LEVEL_BITS = 3  # of the size of each number of a query
_ROUGH_BITS = 2  # the upper ones, for rough scores
_MAX_LEVEL = (1 << _LEVEL_BITS) - 1
_LEVELS_PER_DEVIATION = 3  # larger numbers than 2.5 standard deviations count as that


def unpacked(vectors: Sequence[bytes]) -> Vectors:
    """Return vectors that are stored as float32 as the rows of a matrix."""
    return np.frombuffer(b"".join(vectors), np.float32).reshape(len(vectors), -1)


def unit_vectors(vectors: Vectors) -> Vectors:
    """Return vectors of length 1 with the same directions."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def signatures_of(vectors: Vectors) -> Sequence[bytes]:
    """Return the signature of each row of a matrix, in the machine's byte order."""
    units = unit_vectors(vectors)
    usual = units.shape[1] ** -0.5  # the standard deviation of the numbers of a unit vector
    is_upper = units > 0
    is_lower = np.where(is_upper, units > usual, units > -usual)
    words = np.concatenate([_packed(is_upper), _packed(is_lower)], axis=1)
    return [row.tobytes() for row in words]


def columns_of(signatures: Sequence[bytes]) -> Columns:
    """Return signatures in the form in which they are compared."""
    words = np.frombuffer(b"".join(signatures), np.uint64)
    return np.ascontiguousarray(words.reshape(len(signatures), -1).T)


class SignatureQuery:
    """A vector that is compared with signatures.

    Args:
        vector: The vector of a query.
    """

    def __init__(self, vector: Sequence[float]) -> None:
        [unit] = unit_vectors(np.array([vector], np.float32))
        sizes = np.abs(unit) * len(unit) ** 0.5 * _LEVELS_PER_DEVIATION
        levels = np.minimum(np.rint(sizes), _MAX_LEVEL).astype(np.uint8)
        planes = [_packed((levels[None] >> bit & 1).astype(bool)) for bit in range(_LEVEL_BITS)]
        self._masks = np.concatenate(planes)  # one row for each bit of the levels
        self._flips = _packed(unit[None] < 0)[0]

    def rough_scores(self, columns: Columns) -> Scores:
        """Return scores by upper bits alone, in a third of the time; greater is nearer."""
        return self._agreement(columns[: len(self._flips)], _ROUGH_BITS)

    def scores(self, columns: Columns) -> Scores:
        """Return the score of each signature; greater is nearer."""
        upper, lower = (
            self._agreement(each, _LEVEL_BITS) for each in np.split(columns, [len(self._flips)])
        )
        return np.asarray(2 * upper + lower)

    def _agreement(self, columns: Columns, bits: int) -> Scores:
        """Return the sum of the levels of the numbers for which a bit fits the sign.

        Args:
            columns: The words of these bits.
            bits: How many bits of each level count, from the upper one.
        """
        sums = np.zeros((bits, columns.shape[1]), np.uint16)
        masks = self._masks[_LEVEL_BITS - bits :].T
        for column, flip, mask in zip(columns, self._flips, masks, strict=True):
            sums += np.bitwise_count((column ^ flip) & mask[:, None])
        total = np.zeros(columns.shape[1], np.int32)
        for bit, each in enumerate(sums):
            total += each.astype(np.int32) << bit
        return total


def _packed(bits: npt.NDArray[np.bool_]) -> Columns:
    """Return rows of bits as rows of words, filled up with zeros."""
    padding = -bits.shape[1] % _WORD_BITS
    return np.packbits(np.pad(bits, ((0, 0), (0, padding))), axis=1).view(np.uint64)
