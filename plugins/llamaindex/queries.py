"""What a query asks for: phrases and identifiers, words in their languages."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .languages import ENGLISH, UNKNOWN, is_common, is_evident, is_known_by_words, language_of
from .terms import analyse, fold, has_stems, is_unspaced, pairs, stem, tokens

_OPENING, _CLOSING = '"“„«»”「『', '"“”«»」』'
_QUOTED = re.compile(f"[{_OPENING}]([^{_OPENING}{_CLOSING}]+)[{_CLOSING}]")
_IDENTIFIER = re.compile(r"(?:§\s*)?[^\W_]+(?:[-_./:()\u2010-\u2015\u2212]+[^\W_]+)+\)?|§\s*\w+")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[\d.,]+")
_MAX_TERMS = 64  # words of a query and of a phrase, and phrases
_MAX_LANGUAGES = 6


@dataclass(frozen=True, slots=True)
class Query:
    """A query in terms of the word index.

    Attributes:
        phrases: Each a sequence of words that have to follow each other: what stands in
            quotes, and compounds with digits such as ``ISO 32000-2``.
        words: All words in their order.
        groups: For each word its alternatives: itself and its stems in possible languages.
        folded: All words as a name of a document would have them.
        common: Those of them that find nothing.
        pairs: Pairs of characters of scripts without spaces.
        language: The language, or ``UNKNOWN``.
    """

    phrases: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    folded: tuple[str, ...]
    common: frozenset[str]
    pairs: tuple[str, ...]
    language: str


def parse(text: str, languages: Sequence[str]) -> Query:
    """Return what a query asks for.

    Args:
        text: The query as the user wrote it.
        languages: The languages of the index, the commonest first. The query's language is one
            of them, or unknown; stems of the commonest are tried then.
    """
    text = unicodedata.normalize("NFKC", text)
    language, candidates = _languages_of(text, languages)
    words = list(tokens(text))[:_MAX_TERMS]
    common = _common(words, language or _default(languages))
    rare = [word for word in words if fold(word) not in common]
    groups = (part for word in rare or words for part in _parts(_group(word, candidates)))
    return Query(
        phrases=tuple(_phrases(text))[:_MAX_TERMS],
        words=tuple(analyse(text, UNKNOWN)[0][:_MAX_TERMS]),
        groups=tuple(dict.fromkeys(groups))[:_MAX_TERMS],
        folded=tuple(filter(None, (fold(word) for word in words if not is_unspaced(word)))),
        common=common,
        pairs=tuple(_pairs(words))[:_MAX_TERMS],
        language=language,
    )


def _languages_of(text: str, languages: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the language of a query, and those whose stems are tried."""
    guess = language_of(text)
    is_possible = not languages or guess in languages
    if guess and is_evident(guess, text) and (is_possible or not is_known_by_words(guess)):
        return guess, [guess]
    likely = [guess] if guess in languages else []
    stemmed = filter(has_stems, dict.fromkeys([*likely, *languages]))
    return UNKNOWN, list(stemmed)[:_MAX_LANGUAGES]


def _default(languages: Collection[str]) -> str:
    """Return the language whose common words find nothing in an unknown query."""
    return ENGLISH if not languages or ENGLISH in languages else UNKNOWN


def _common(words: Iterable[str], language: str) -> frozenset[str]:
    return frozenset(fold(word) for word in words if is_common(word, language))


def _pairs(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if is_unspaced(word):
            yield from pairs(word)


def _group(word: str, languages: Collection[str]) -> tuple[str, ...]:
    if is_unspaced(word):
        return (" ".join(pairs(word)),)
    forms = [fold(word), *(stem(word, language) for language in languages)]
    if word.isdecimal():
        forms.append(word)  # digits of other scripts were not folded by earlier versions
    return tuple(dict.fromkeys(form for form in forms if form))


def _parts(group: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Split a run of pairs into one group each; words stay as they are."""
    if not group:
        return []
    if " " in group[0]:
        return [(pair,) for pair in group[0].split(" ")]
    digits = re.findall(r"\d{3,}", group[0])
    if digits and not group[0].isdigit():
        return [group, *((number,) for number in digits)]
    return [group]


def _phrases(text: str) -> list[tuple[str, ...]]:
    quotations = [match.group(1) for match in _QUOTED.finditer(text)]
    rest = _QUOTED.sub(" ", text)
    compounds = [
        match.group()
        for match in _IDENTIFIER.finditer(rest)
        if _DIGIT.search(match.group()) and not _NUMBER.fullmatch(match.group())
    ]
    phrases = (
        tuple(analyse(phrase, UNKNOWN)[0][:_MAX_TERMS]) for phrase in (*quotations, *compounds)
    )
    return [phrase for phrase in dict.fromkeys(phrases) if phrase]
