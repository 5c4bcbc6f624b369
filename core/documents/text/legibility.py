"""Recognises garbled text from fonts without a usable map to Unicode."""

import re

_MAX_SAMPLE = 20_000
_MAX_ODD_SHARE = 0.3
_ODD = re.compile(
    "[\x00\x01\x03-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd\uffff\U000f0000-\U0010ffff]"
)
"""Controls, private use, replacements; not PDFium's marks for hyphens, U+0002 and U+FFFE."""
_ODD_SPACES = "\x0b\x0c\x1c\x1d\x1e\x1f\x85"
"""The characters of ``_ODD`` that are white space."""
_REPLACEMENT = "\ufffd"
"""The only character of ``_ODD`` that counts as printable."""
_TABS = "\t\x0b\x0c\x1c\x1d\x1e\x1f"

_WORD = re.compile(r"[A-Za-zÀ-ɏ]{2,}")
_VOWEL = re.compile(r"[aeiouyà-åè-ïò-öø-ýÿāăąēėęěīįıōőœūůűų]", re.IGNORECASE)
_MIN_SHARE_IN_WORDS = 0.4
_SHIFT = 29  # from a letter's glyph number in most TrueType fonts to its code
_SHIFTED = bytes(range(ord("$"), ord("]") + 1))  # the glyph numbers of capitals and small letters
_MIN_SHIFTED = 60  # characters
_MIN_SHIFTED_SHARE = 0.9
_MAX_VOWELS, _MIN_VOWELS = 0.2, 0.28  # of all letters, as they stand and shifted back


def is_legible(text: str) -> bool:
    """Return whether text as an extractor returned it can be what its page shows.

    Controls and private-use characters are the numbers of glyphs; so are letters that make
    words only if their codes are shifted. A page without text is legible.
    """
    sample = text[:_MAX_SAMPLE]
    drawn = _without_spaces(sample)
    odd = _count(_ODD_SPACES, sample)
    if not drawn.isprintable() or _REPLACEMENT in drawn:
        odd += len(_ODD.findall(drawn))
    if odd > _MAX_ODD_SHARE * len(drawn):
        return False
    if odd and _count(_TABS, sample) > len(drawn):
        return False
    return not _is_shifted(drawn)


def has_words(text: str) -> bool:
    """Return whether a text is legible because most of it is Latin words."""
    sample = text[:_MAX_SAMPLE]
    in_words = sum(len(word) for word in _WORD.findall(sample) if _VOWEL.search(word))
    return in_words > _MIN_SHARE_IN_WORDS * len(_without_spaces(sample))


def _without_spaces(sample: str) -> str:
    return "".join(sample.split())


def _count(characters: str, sample: str) -> int:
    return sum(map(sample.count, characters))


def _is_shifted(drawn: str) -> bool:
    """Return whether letters are glyph numbers: ``7`` for a ``T``, ``K`` for an ``h``."""
    ascii_text = drawn.encode("ascii", "ignore")
    others = ascii_text.translate(None, delete=_SHIFTED)
    if len(ascii_text) - len(others) < max(_MIN_SHIFTED, _MIN_SHIFTED_SHARE * len(drawn)):
        return False
    glyphs = ascii_text.translate(None, delete=others).decode()
    shifted_back = "".join(chr(ord(glyph) + _SHIFT) for glyph in glyphs)
    return _vowels(glyphs) < _MAX_VOWELS and _vowels(shifted_back) > _MIN_VOWELS


def _vowels(text: str) -> float:
    letters = sum(map(str.isalpha, text))
    return len(_VOWEL.findall(text)) / letters if letters else 0.0
