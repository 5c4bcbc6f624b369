"""Finds the words of a query in a passage, to mark them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from .expressions import Alternatives, Phrase, terms_of
from .terms import CLUSTER, TOKEN, fold, is_unspaced, stem

_MIXED = re.compile(r"\d+|[^\W\d_]+")
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
        folded = fold(word)
        return (
            folded in self.terms
            or stem(word, language) in self.terms
            or (bool(self.beginnings) and folded.startswith(self.beginnings))
            or (_is_mixed(word) and not self.terms.isdisjoint(_MIXED.findall(folded)))
        )


def marks_in(text: str, wanted: Wanted, language: str) -> tuple[Mark, ...]:
    """Return the ranges of a passage that are words of a query, ascending.

    Args:
        text: The passage.
        wanted: The words of the query.
        language: The language of the passage.
    """
    marks: list[Mark] = []
    others: set[str] = set()
    for match in TOKEN.finditer(text):
        if match[0] in others:
            continue
        spans = list(_matching(match, wanted, language))
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


def _is_mixed(word: str) -> bool:
    return not word.isalpha() and not word.isdigit()


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
