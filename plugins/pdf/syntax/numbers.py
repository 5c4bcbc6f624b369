"""A set of object numbers that takes one bit for each."""

from collections.abc import Iterable

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
