"""How frequent words are, from the statistics that PostgreSQL keeps of them."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

_STATISTICS = text(
    "SELECT most_common_elems::text::text[], most_common_elem_freqs FROM pg_stats"
    " WHERE schemaname = current_schema() AND tablename = 'index_passages' AND attname = 'words'"
)
_REFRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The commonest words of all passages.

    Attributes:
        shares: The share of the passages that have a word, by word.
        terms: The words in their order.
        counts: Where a reader keeps how many passages have each of the rarer words.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    terms: Sequence[str] = ()
    counts: dict[str, int] = field(default_factory=dict)

    def terms_from(self, start: str) -> Iterator[tuple[str, float]]:
        """Yield the words that begin with some characters, in their order."""
        for index in range(bisect_left(self.terms, start), len(self.terms)):
            term = self.terms[index]
            if not term.startswith(start):
                return
            yield term, self.shares[term]


class Dictionaries:
    """The dictionary, kept for a minute for all searches of a server.

    Args:
        clock: Seconds that only increase.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._current = Dictionary()
        self._expires = float("-inf")

    def current(self, connection: Connection) -> Dictionary:
        """Return the dictionary, which is at most a minute old. Blocking."""
        if self._clock() >= self._expires:
            self._current = _read(connection)
            self._expires = self._clock() + _REFRESH_SECONDS
        return self._current


def _read(connection: Connection) -> Dictionary:
    row = connection.execute(_STATISTICS).one_or_none()
    if row is None or row[0] is None:
        return Dictionary()
    shares = {str(term): float(share) for term, share in zip(*row, strict=False)}
    return Dictionary(shares, sorted(shares))
