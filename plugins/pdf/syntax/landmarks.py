"""Finds the next meaningful token between objects."""

import re
from collections.abc import Callable, Generator
from typing import Final

from .effort import SLOW_BYTES, Effort
from .grammar import LANDMARK, LOOKAHEAD
from .search import Finder
from .source import Source

BLOCK: Final = 2 * LOOKAHEAD
"""Bytes in which landmarks are looked for around a word that may be part of one."""
_MARGIN: Final = 16  # longer than any of the words


class Landmarks:
    """The matches of ``LANDMARK.search``, as they come into view.

    That expression takes up to 100 ns for each byte; hence it is asked only for the
    surroundings of words that every landmark holds, block by block. Where blocks begin
    depends on the bytes alone, and so does what the search costs.

    Args:
        source: Where the bytes come from.
        find_word: Finds the next such word.
        effort: Counts what fruitless blocks cost.

    Attributes:
        searched: How many bytes in front of the latest landmark cost time and are not counted
            yet; the caller, which knows whether they were more than white space, does so.
    """

    def __init__(self, source: Source, find_word: Finder, effort: Effort) -> None:
        self._source = source
        self._find_word = find_word
        self._effort = effort
        self.searched = 0

    def next(self, pass_to: Callable[[int], None]) -> Generator[None, None, re.Match[bytes] | None]:
        """Move to the next landmark.

        Args:
            pass_to: Moves the source to an index of its data, over bytes without landmarks.

        Returns:
            The landmark, at which the source stands then; ``None`` at the end of the file,
            and if the search has cost too much.
        """
        source = self._source
        block_end = self.searched = 0
        while True:
            size = len(source.data)
            clear = size if source.ended else size - LOOKAHEAD - _MARGIN
            if block_end <= source.offset:
                word = self._find_word(source.data, source.pos)
                if word < 0:
                    pass_to(max(source.pos, clear))
                    if source.ended:
                        return None
                    yield
                    continue
                pass_to(max(source.pos, word - LOOKAHEAD))
                block_end = source.offset + BLOCK
            stop = min(block_end - source.base, clear)
            match = LANDMARK.search(source.data, source.pos, block_end - source.base + LOOKAHEAD)
            if match is not None and match.start() < stop:
                pass_to(match.start())
                self.searched = source.offset + BLOCK - block_end
                return match
            pass_to(max(source.pos, stop))
            if source.offset >= block_end:
                self._effort.spend(BLOCK // SLOW_BYTES)
                if self._effort.exhausted(source.offset):
                    return None
            elif source.ended:
                return None
            else:
                yield
