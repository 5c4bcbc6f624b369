"""What a query asks for: phrases and identifiers, words in their languages."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from .languages import UNKNOWN, is_common, language_of
from .terms import analyse, fold, is_unspaced, pairs, stem, tokens

_QUOTED = re.compile(r'["“„«»”]([^"“„«»”]+)["“”«»]')
_IDENTIFIER = re.compile(r"(?:§\s*)?\w+(?:[-./:()\u2010-\u2013]+\w+)+\)?|§\s*\w+")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[\d.,]+")
_MAX_TERMS = 64
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
        language: The language, or ``UNKNOWN``.
    """

    phrases: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    folded: tuple[str, ...]
    language: str

    def without(self, words: Collection[str]) -> tuple[tuple[str, ...], ...]:
        """Return the groups of all words but these."""
        return tuple(group for group in self.groups if not set(group) & set(words))


def parse(text: str, languages: Collection[str]) -> Query:
    """Return what a query asks for.

    Args:
        text: The query as the user wrote it.
        languages: The languages of the index. The query's language is one of them, or unknown;
            stems of all of them are tried then.
    """
    language = language_of(text)
    if languages and language not in languages:  # a few words are easily mistaken
        language = UNKNOWN
    candidates = [language] if language != UNKNOWN else sorted(languages)[:_MAX_LANGUAGES]
    words = list(tokens(text))[:_MAX_TERMS]
    groups = [group for word in words if (group := _group(word, candidates))]
    rare = [group for word, group in zip(words, groups, strict=False) if not is_common(word)]
    return Query(
        phrases=tuple(_phrases(text)),
        words=tuple(analyse(text, UNKNOWN)[0][:_MAX_TERMS]),
        groups=tuple(dict.fromkeys(part for group in rare or groups for part in _parts(group))),
        folded=tuple(fold(word) for word in words if not is_unspaced(word)),
        language=language,
    )


def _group(word: str, languages: Collection[str]) -> tuple[str, ...]:
    if is_unspaced(word):
        return (" ".join(pairs(word)),)
    forms = [fold(word), *(stem(word, language) for language in languages)]
    return tuple(dict.fromkeys(form for form in forms if form))


def _parts(group: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Split a run of pairs into one group each; words stay as they are."""
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
    phrases = (tuple(analyse(phrase, UNKNOWN)[0]) for phrase in (*quotations, *compounds))
    return [phrase for phrase in dict.fromkeys(phrases) if phrase]
