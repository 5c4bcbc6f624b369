"""The words of a passage as a ``tsvector``, and expressions as a ``tsquery``.

The labels of PostgreSQL's positions stand for columns: D for words as they stand, whose
positions follow each other so that phrases are found, C for stems, B for the title of the
document and A for the heading of the page.
"""

from collections.abc import Iterable, Sequence

from pdfsluice.plugins.llamaindex.expressions import AllOf, Alternatives, Expression, Phrase

WEIGHTS = "{0.05, 0.5, 0.25, 1.0}"
"""What ``ts_rank`` counts a position for, in the order D, C, B, A."""

_STEMS, _TITLE, _HEADING = 8192, 15_000, 15_500  # the highest position is 16,383
_MAX_POSITION = 16_383
_MAX_POSITIONS = 255  # of one word; PostgreSQL drops the rest


def tsvector(
    exact: Sequence[str] = (),
    stems: Sequence[str] = (),
    heading: Sequence[str] = (),
    title: Sequence[str] = (),
) -> str:
    """Return words in PostgreSQL's notation for ``tsvector``."""
    positions: dict[str, list[str]] = {}
    columns = ((exact, 1, ""), (stems, _STEMS, "C"), (title, _TITLE, "B"), (heading, _HEADING, "A"))
    for words, start, label in columns:
        for position, word in enumerate(words, start):
            places = positions.setdefault(word, [])
            if len(places) < _MAX_POSITIONS:
                places.append(f"{min(position, _MAX_POSITION)}{label}")
    return " ".join(f"{_quoted(word)}:{','.join(places)}" for word, places in positions.items())


def tsquery(wanted: Expression) -> str:
    """Return an expression in PostgreSQL's notation for ``tsquery``."""
    if isinstance(wanted, AllOf):
        return " & ".join(map(_part, wanted.parts))
    return any_of(wanted.parts)


def any_of(words: Iterable[Alternatives], labels: str = "") -> str:
    """Return a query for at least one of some words.

    Args:
        words: The words.
        labels: The columns; all without it.
    """
    return " | ".join(
        f"{_quoted(term)}{_suffix(word, labels)}" for word in words for term in word.terms
    )


def _part(part: Phrase | Alternatives) -> str:
    if isinstance(part, Phrase):
        return "(" + " <-> ".join(f"{_quoted(word)}:D" for word in part.words) + ")"
    return f"({any_of([part], 'BCD')})"


def _suffix(word: Alternatives, labels: str) -> str:
    mark = "*" if word.is_beginning else ""
    return f":{mark}{labels}" if mark or labels else ""


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
