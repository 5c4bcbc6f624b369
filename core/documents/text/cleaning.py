"""The clean-up of page text that every extractor shares.

PDF libraries differ in what they leave in: ligatures, hyphens at line ends, presentation forms,
controls. Cleaning makes their results alike, so that stored text and search do not depend on
the extractor. Cleaning twice changes nothing more.
"""

import re
import unicodedata
from itertools import pairwise

from .visual_order import logical_order

MAX_PAGE_CHARACTERS = 1_000_000
"""Characters of a page's text beyond this number are cut off: no honest page has so many."""

_UNWANTED = dict.fromkeys([*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0xFEFF, 0xFFFE, 0xFFFF])
_CONTROLS = {code: None for code in _UNWANTED if chr(code) not in "\x02\ufffe"}
_ORNAMENTS = {0xFD3E, 0xFD3F}  # parentheses, which keep their form
_LIGATURE_BLOCKS = (
    range(0xFB00, 0xFB07),  # Latin
    range(0xFB13, 0xFB18),  # Armenian
    range(0xFB1D, 0xFB50),  # Hebrew
    range(0xFB50, 0xFE00),  # Arabic presentation forms A
    range(0xFE70, 0xFEFD),  # Arabic presentation forms B
)


def _resolved(code: int) -> str:
    """Return the letters of a ligature or presentation form, without a mark carrier."""
    letters = unicodedata.normalize("NFKC", chr(code))
    bare = letters.strip(" \u0640")
    return bare or letters


_LIGATURES = {
    code: _resolved(code)
    for block in _LIGATURE_BLOCKS
    for code in block
    if code not in _ORNAMENTS and unicodedata.category(chr(code)) != "Cn"
}
_HAS_LIGATURE = re.compile("[\ufb00-\ufdff\ufe70-\ufefc]")
_INITIAL, _MEDIAL, _FINAL = (
    frozenset(chr(code) for code in _LIGATURES if form in unicodedata.name(chr(code), ""))
    for form in ("INITIAL FORM", "MEDIAL FORM", "FINAL FORM")
)

_SOFT = "\x02\u00ad\ufffe"  # the first and last are PDFium's marks for a hyphen at a line end
_MARK_AT_END = re.compile(
    rf"(?<=\w)[ \t]*\n?[{_SOFT}][ \t]*\n[ \t]*(?=\w)|(?<=\w)[\x02\ufffe](?=\w)"
)
_HYPHENS = "-\u2010"
_HYPHEN_AT_END = re.compile(rf"[{_HYPHENS}](?<=\w.)[ \t]*\n[ \t]*(?=\w)")
_WORD_BEFORE = re.compile(r"[\w'\u2019-]+\Z")
_WORD_AFTER = re.compile(r"(\w{1,60})(-?)")
_LETTER_SPACED = re.compile(r"(?<!\S)(?:[^\W\d_] ){3,}[^\W\d_](?!\S)")
_MAYBE_LETTER_SPACED = re.compile(r" [^\W\d_] [^\W\d_] ")  # much faster to search for
_JOINERS = frozenset({"and", "or", "und", "oder", "bzw", "bis", "sowie", "och"})
_MIN_PART = 2  # letters before a hyphen that breaks a word
_MAX_WORD = 60
_MAX_VOCABULARY = 50_000  # characters; longer pages are not searched for every broken word


def clean_text(text: str) -> str:
    """Clean the text of a page for any store: bounded, of printable characters.

    Lines end with a line feed alone; words that a hyphen broke over two lines are joined;
    ligatures and presentation forms become letters; letters are composed (NFC); letter-spaced
    words are closed up; lone surrogates become U+FFFD; controls and non-characters vanish.
    """
    text = text[:MAX_PAGE_CHARACTERS]
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii() and _HAS_LIGATURE.search(text):
        text = _resolve_ligatures(text)
    text = _join_words(text.translate(_CONTROLS))
    if _MAYBE_LETTER_SPACED.search(text):
        text = _LETTER_SPACED.sub(_close_up, text)
    return unicodedata.normalize("NFC", text)[:MAX_PAGE_CHARACTERS]


def _resolve_ligatures(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        (logical_order(line) if _is_visual(line) else line).translate(_LIGATURES) for line in lines
    )


def _is_visual(line: str) -> bool:
    """Return whether joining forms show that a line is stored from left to right."""
    balance = 0
    for left, right in pairwise(line):
        if left in _INITIAL and (right in _MEDIAL or right in _FINAL):
            balance += 1
        elif left in _FINAL and (right in _MEDIAL or right in _INITIAL):
            balance -= 1
    return balance < 0


def _join_words(text: str) -> str:
    """Join what hyphens broke; a soft hyphen inside a line was never drawn."""
    if any(mark in text for mark in _SOFT):
        text = text.replace("\u00ad\n", "\u00ad\u00ad").replace("\n\u00ad\u00ad", "\u00ad\u00ad")
        text = text.replace("\u00ad", "")
        text = _MARK_AT_END.sub("-\n", text).translate(_UNWANTED)
    if not any(hyphen in text for hyphen in _HYPHENS):
        return text
    parts: list[str] = []
    end = 0
    for match in _HYPHEN_AT_END.finditer(text):
        parts += (text[end : match.start()], _joint(text, match))
        end = match.end()
    return "".join([*parts, text[end:]])


def _joint(text: str, hyphen: re.Match[str]) -> str:
    """Return the text between the two parts of a joined word."""
    before = _WORD_BEFORE.search(text[max(0, hyphen.start() - _MAX_WORD) : hyphen.start()])
    after = _WORD_AFTER.match(text, hyphen.end())
    if before is None or after is None:
        return hyphen.group()
    head, (tail, compound) = before.group(), after.groups()
    if tail.lower() in _JOINERS:  # "input- and output"
        return "- "
    if not (head[-1].islower() and tail[0].islower() and len(head) >= _MIN_PART):
        return "-"  # "E-Mail", "2024-05"
    vocabulary = text if len(text) <= _MAX_VOCABULARY else ""
    if f"{head}{tail}" in vocabulary:
        return ""
    return "-" if compound or "-" in head or f"{head}-{tail}" in vocabulary else ""


def _close_up(match: re.Match[str]) -> str:
    """Close up letter-spaced words, except lists of letters and mathematical ones."""
    letters = match.group().split(" ")
    steps = {ord(right) - ord(left) for left, right in pairwise(letters)}
    if len(steps) == 1 or max(letters) > "\uffff":  # a b c d
        return match.group()
    words = [letters[0]]
    for left, right in pairwise(letters):
        if left.islower() and right.isupper():
            words.append(right)
        else:
            words[-1] += right
    return " ".join(words)
