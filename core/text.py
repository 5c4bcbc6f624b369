"""Makes text from untrusted files fit to be shown, logged and stored."""

import unicodedata

_HARMLESS_SPACE = frozenset("\t\n\r\f\v")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


def printable(text: str, limit: int) -> str:
    """Return text on one line, without what is invisible or turns the line around.

    Args:
        text: Anything, from anywhere.
        limit: The most characters to return; a longer text ends in ``…``.
    """
    head = text[: 4 * limit]
    plain = head.isascii() and head.isprintable()
    shown = head if plain else "".join(map(_shown, head))
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


def clean_name(text: str, limit: int) -> str:
    """Return the name or title of something on one line, in Unicode's form NFC.

    Spaces of any width become plain spaces. Joiners stay between letters of scripts that need them
    (Persian, the scripts of India) and within emoji. What is invisible otherwise, or turns
    the line around, is dropped.

    Args:
        text: Anything, from anywhere.
        limit: The most characters to return; a longer text is cut.
    """
    return unicodedata.normalize("NFC", without_invisible(text))[:limit].strip()


def without_invisible(text: str) -> str:
    """Return text on one line without what is invisible; spaces and joiners as in a name."""
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    for index, character in enumerate(text):
        if character in _JOINERS:
            after = text[index + 1 : index + 2]
            if kept and _takes_joiners(kept[-1]) and after and _takes_joiners(after):
                kept.append(character)
        elif unicodedata.category(character) == "Zs":
            kept.append(" ")
        elif character not in _HARMLESS_SPACE:
            kept.append(_shown(character))
    return "".join(kept)


def _takes_joiners(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character)[0] in "LMS"
