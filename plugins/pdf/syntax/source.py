"""A sliding view of a file that arrives in pieces."""

from collections.abc import Generator
from typing import TypeAlias

Steps: TypeAlias = Generator[None, None, None]
"""A computation that yields whenever it needs more bytes."""


class Source:
    """The bytes between what has been consumed and what has arrived.

    Readers move ``pos`` forward and ``yield`` when they need more; the caller that drives them
    appends bytes and resumes them. Positions are therefore valid up to the next ``yield``.

    Attributes:
        data: What is in view.
        pos: Index in ``data`` of the next byte to read.
        base: Offset in the file of ``data[0]``.
        ended: Whether no more bytes will come.
    """

    __slots__ = ("base", "data", "ended", "pos")

    def __init__(self, data: bytes = b"", *, base: int = 0, ended: bool = False) -> None:
        self.data = data
        self.pos = 0
        self.base = base
        self.ended = ended

    @property
    def offset(self) -> int:
        """Offset in the file of the next byte to read."""
        return self.base + self.pos

    @property
    def available(self) -> int:
        """How many bytes are in view and not yet read."""
        return len(self.data) - self.pos

    def append(self, piece: bytes | memoryview) -> None:
        """Add what has arrived and drop what has been consumed; a view is copied, once."""
        self.base += self.pos
        self.data = b"".join((self.data[self.pos :], piece))
        self.pos = 0

    def move_to(self, offset: int, data: bytes) -> None:
        """Drop what is in view for what is there at a later offset."""
        self.base, self.data, self.pos = offset, data, 0

    def need(self, count: int) -> Steps:
        """Wait until ``count`` unread bytes are in view, or the file has ended."""
        while self.available < count and not self.ended:
            yield
