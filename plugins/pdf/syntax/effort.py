"""The limit on the scanner's work for a file, which grows with its bytes.

A step is about a microsecond of processor time. Steps are counted, not measured, so that
the same file gives the same findings on every machine and in any pieces.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

from .source import Source

LANDMARK: Final = 8
"""Steps for something between objects: a table, a trailer, a header, a gap."""
OBJECT: Final = 14
"""Steps for an object that is read closely, in addition to those for its tokens."""
STREAM: Final = 10
"""Steps for passing a stream, and for each offset at which it might end but does not."""
DECODING: Final = 30
"""Steps for decoding a stream, in addition to those for its data."""
SLOW_BYTES: Final = 4
"""Bytes for a step if an expression is tried at each byte."""
FAST_BYTES: Final = 128
"""Bytes for a step if data is inflated and searched."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a file may cost.

    Attributes:
        first: Steps for the file as such.
        bytes_for_step: Bytes that earn one step more.
        stretch: Bytes that are passed unread, at least, when all steps are spent.
        tail: Bytes at the end of the file that are read in any case.
    """

    first: int = 4_000_000
    bytes_for_step: int = 48
    stretch: int = 1024 * 1024
    tail: int = 64 * 1024


class Effort:
    """A count of the steps that one file costs."""

    __slots__ = ("allowance", "spent")

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self.spent = 0

    def spend(self, steps: int) -> None:
        """Count steps."""
        self.spent += steps

    def exhausted(self, offset: int) -> bool:
        """Return whether the file has cost more than its bytes up to an offset allow."""
        allowance = self.allowance
        return self.spent > allowance.first + offset // allowance.bytes_for_step

    def skip(
        self, source: Source, pass_to: Callable[[int], None]
    ) -> Generator[None, None, tuple[int, int]]:
        """Skip bytes until the work so far is within the limit.

        The tail of the file is not passed.

        Args:
            source: Stands at the first byte to pass.
            pass_to: Moves the source to an index of its data.

        Returns:
            Offsets of the first byte that was passed and of the next that was not.
        """
        start = source.offset
        allowance = self.allowance
        bonus = (self.spent - allowance.first) * allowance.bytes_for_step
        target = max(start + allowance.stretch, bonus)
        while True:
            clear = source.base + len(source.data) - allowance.tail
            pass_to(max(source.offset, min(target, clear)) - source.base)
            if source.offset >= target or source.ended:
                return start, source.offset
            yield
