"""What passages are asked for by words, in the language of no database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alternatives:
    """A word and what counts as the same word.

    Attributes:
        terms: Folded words and stems, any of which will do.
        is_beginning: Whether each term is the beginning of a word.
    """

    terms: tuple[str, ...]
    is_beginning: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words as they stand, one after the other.

    Attributes:
        words: The words.
        is_quoted: Whether every passage with them counts, however old; otherwise it is enough
            to look at many of the newest.
    """

    words: tuple[str, ...]
    is_quoted: bool = True


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part, in the text or the title; headings of pages do not count."""

    parts: tuple[Phrase | Alternatives, ...]

    def __bool__(self) -> bool:
        """Return whether anything is asked for."""
        return bool(self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one word, in the text, the title or the heading of the page.

    Attributes:
        parts: The words.
        others: Words that nothing is found by, but that count for the order.
    """

    parts: tuple[Alternatives, ...]
    others: tuple[Alternatives, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is asked for."""
        return bool(self.parts)


Expression = AllOf | AnyOf


def terms_of(parts: Iterable[Phrase | Alternatives]) -> Iterator[tuple[str, bool]]:
    """Yield the words of some parts, and whether the beginning of a word is enough."""
    for part in parts:
        if isinstance(part, Phrase):
            yield from ((word, False) for word in part.words)
        else:
            yield from ((term, part.is_beginning) for term in part.terms)
