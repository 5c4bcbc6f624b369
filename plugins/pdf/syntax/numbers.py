"""Reads damaged numbers, and remembers object numbers, one bit for each."""

import re
from collections.abc import Iterable
from typing import Final

MAX_NUMBER = 8_388_607
"""The highest object number (ISO 32000-1, annex C); higher ones are not remembered."""


class NumberSet:
    """Which object numbers have been seen; at most 1 MiB."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray(1024)

    def add(self, number: int) -> None:
        """Remember a number."""
        if number > MAX_NUMBER:
            return
        index = number >> 3
        if index >= len(self._bits):
            self._bits.extend(bytes(index + 1024))
        self._bits[index] |= 1 << (number & 7)

    def update(self, numbers: Iterable[int]) -> None:
        """Remember many numbers."""
        bits = self._bits
        for number in numbers:
            try:
                bits[number >> 3] |= 1 << (number & 7)
            except IndexError:  # cheaper than asking each time
                self.add(number)

    def __contains__(self, number: int) -> bool:
        index = number >> 3
        return index < len(self._bits) and bool(self._bits[index] & (1 << (number & 7)))


_LEADING: Final = re.compile(rb"[-+]*+(\d{0,18})")


def real_of(word: bytes) -> float:
    """Return a real number (ISO 32000-2, 7.3.3), or 0 if a word is none."""
    try:
        return float(word)
    except ValueError:  # a sign or a full stop alone
        return 0.0


def integer_of(word: bytes) -> int:
    """Return the integer that lenient readers take a word for: its leading digits."""
    match = _LEADING.match(word)
    return int(match[1] or 0) if match is not None else 0
