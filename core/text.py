"""Makes text from untrusted files fit to be shown, logged and stored."""

import unicodedata

_HARMLESS_SPACE = frozenset("\t\n\r\f\v")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, limit: int) -> str:
    """Return text on one line, without what is invisible or turns the line around.

    Args:
        text: Anything, from anywhere.
        limit: The most characters to return; a longer text ends in ``…``.
    """
    head = text[: 4 * limit]
    shown = "".join(map(_shown, head))
    joined = " ".join(shown.split())
    if len(joined) > limit or len(text) > len(head):
        return joined[: limit - 1] + "…"
    return joined


def _shown(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if character in _HARMLESS_SPACE:
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character
