"""From text to the terms of the word index; queries and passages go the same way.

Words are folded (NFKC, case, marks that readers leave out) and stemmed in their language.
Scripts without spaces between words become overlapping pairs of characters.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, pairwise
from operator import itemgetter

import Stemmer

_MARKS = "".join(
    chr(code) for code in range(0x300, 0xFE30) if unicodedata.category(chr(code))[0] == "M"
)
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
TOKEN = re.compile(
    rf"[§№]|[{_UNSPACED}][{_UNSPACED}{_MARKS}]*"
    rf"|[^\W_{_UNSPACED}]+(?:[{_MARKS}\u200c\u200d]+[^\W_{_UNSPACED}]*)*"
)
_ASCII_TOKEN = re.compile("[a-z0-9]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_OPTIONAL_MARKS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u200c\u200d\ufe00-\ufe0f]"
)
_ARABIC_FORMS = str.maketrans("أإآٱىةيكؤئ", "اااايهيكوي")
_ARABIC_FORMS |= str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
_ANY_MARK = re.compile(f"[{_MARKS}\u200c\u200d]")
CLUSTER = re.compile(rf".[{_MARKS}]*", re.DOTALL)
_MIXED = re.compile(r"\d+|[^\W\d_]+")
_MAX_TERM = 64
_STEMMERS = frozenset(Stemmer.algorithms())
_UNMARKED = frozenset({"arabic", "persian", "hebrew"})  # written without vowels, as a rule
_CACHE = 200_000
_MAX_TERMS, _MAX_LANGUAGES = 50_000, 4  # that are remembered
_FIRST, _SECOND = itemgetter(0), itemgetter(1)


def tokens(text: str) -> list[str]:
    """Return the words of a text as they stand, composed and in lower case."""
    if text.isascii():
        return _ASCII_TOKEN.findall(text.lower())
    return TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=_CACHE)
def fold(word: str) -> str:
    """Return a word without the marks and forms that writers and readers vary.

    Accents of Latin, Greek and Cyrillic letters and the vowel marks of Arabic and Hebrew go;
    the marks of Indic scripts and Thai are part of the word.
    """
    if word.isascii():
        return word[:_MAX_TERM]
    bare = _OPTIONAL_MARKS.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", bare).translate(_ARABIC_FORMS)[:_MAX_TERM]


def is_unspaced(token: str) -> bool:
    """Return whether a token is a run of a script without spaces between words."""
    return _IS_UNSPACED.match(token) is not None


def pairs(run: str) -> list[str]:
    """Return the overlapping character pairs of a run, or its single character."""
    clusters = CLUSTER.findall(run)
    if len(clusters) == 1:
        return clusters
    return [a + b for a, b in pairwise(clusters)]


def analyse(text: str, language: str) -> tuple[list[str], list[str]]:
    """Return the folded words of a text in their order, and its stems.

    The words are for phrases and identifiers. The stems contain the parts of words that mix
    letters and digits, too.
    """
    words = tokens(text)
    terms = _terms_in(language)
    pairs_of_terms = list(map(terms.__getitem__, words))
    exact = chain.from_iterable(map(_FIRST, pairs_of_terms))
    return list(exact), list(chain.from_iterable(map(_SECOND, pairs_of_terms)))


def terms_of_word(token: str, language: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the folded form of one of the :func:`tokens` of a text, and its stems."""
    return _terms_in(language)[token]


class _Terms(dict[str, tuple[Sequence[str], Sequence[str]]]):
    """The terms of the words of a language; those that were looked up are remembered."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __missing__(self, token: str) -> tuple[Sequence[str], Sequence[str]]:
        if len(self) >= _MAX_TERMS:
            self.clear()
        terms = self[token] = _terms(token, self._language)
        return terms


@lru_cache(maxsize=_MAX_LANGUAGES)
def _terms_in(language: str) -> _Terms:
    return _Terms(language)


def _terms(token: str, language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if is_unspaced(token):
        both = tuple(pairs(token))
        return both, both
    folded = fold(token)
    if not folded:
        return (), ()
    stems = [stem(token, language)]
    if not token.isalpha() and not token.isdigit():
        parts = _MIXED.findall(folded)
        stems += parts if len(parts) > 1 else []
    return (folded,), tuple(stems)


@lru_cache(maxsize=_CACHE)
def stem(word: str, language: str) -> str:
    """Return the folded stem of a word; without a stemmer, the folded word."""
    stemmer = _stemmer(language)
    if stemmer is None or not _ANY_MARK.sub("", word).isalpha():
        return fold(word)
    bare = _OPTIONAL_MARKS.sub("", word) if language in _UNMARKED else word
    return fold(str(stemmer.stemWord(bare)))


def has_stems(language: str) -> bool:
    """Return whether the words of a language are stemmed."""
    return language in _STEMMERS


@lru_cache(maxsize=64)
def _stemmer(language: str) -> "Stemmer.Stemmer | None":
    return Stemmer.Stemmer(language, 0) if language in _STEMMERS else None
