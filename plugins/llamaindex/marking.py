"""Finds the words of a query in a passage, to mark them."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from .expressions import Alternatives, Phrase, terms_of
from .terms import CLUSTER, TOKEN, is_unspaced, terms_of_word

_MAX_MARKS = 200

Mark = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The words that are marked.

    Attributes:
        terms: Folded words and stems.
        beginnings: Words of which the beginning is enough.
    """

    terms: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, parts: Iterable[Phrase | Alternatives]) -> "Wanted":
        """Return the words of parts of an expression."""
        words = {
            (piece, is_beginning)
            for term, is_beginning in terms_of(parts)
            for piece in term.split()
        }
        return cls(
            frozenset(word for word, _ in words),
            tuple(sorted(word for word, is_beginning in words if is_beginning)),
        )

    def has(self, word: str, language: str) -> bool:
        """Return whether a word, composed and in lower case, is one of them."""
        folded, stems = terms_of_word(word, language)
        return (
            not self.terms.isdisjoint(folded)
            or not self.terms.isdisjoint(stems)
            or (bool(self.beginnings) and "".join(folded).startswith(self.beginnings))
        )


class Marker:
    """A marker of the words of a query in passages.

    Args:
        wanted: The words of the query.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._others: defaultdict[str, set[str]] = defaultdict(set)

    def marks_in(self, text: str, language: str) -> tuple[Mark, ...]:
        """Return the ranges of a passage that are words of the query, ascending.

        Args:
            text: The passage.
            language: Its language.
        """
        marks: list[Mark] = []
        others = self._others[language]
        for match in TOKEN.finditer(text):
            if match[0] in others:
                continue
            spans = list(_matching(match, self._wanted, language))
            if not spans:
                others.add(match[0])
            for start, end in spans:
                if marks and start <= marks[-1][1] and is_unspaced(match[0]):
                    marks[-1] = (marks[-1][0], max(end, marks[-1][1]))
                else:
                    marks.append((start, end))
            if len(marks) >= _MAX_MARKS:
                break
        return tuple(marks)


def _matching(match: "re.Match[str]", wanted: Wanted, language: str) -> Iterator[Mark]:
    token = match[0]
    word = token.lower() if token.isascii() else unicodedata.normalize("NFKC", token).casefold()
    if word.isascii() or not is_unspaced(word):
        if wanted.has(word, language):
            yield match.span()
        return
    clusters = [(cluster.start(), cluster[0]) for cluster in CLUSTER.finditer(match[0])]
    if len(clusters) == 1 and word in wanted.terms:
        yield match.span()
    for (start, one), (second, two) in pairwise(clusters):
        if unicodedata.normalize("NFKC", one + two).casefold() in wanted.terms:
            yield match.start() + start, match.start() + second + len(two)
