"""Makes text from untrusted files safe to display, log and store."""

import unicodedata

_HARMLESS_SPACE = frozenset("\t\n\r\f\v")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


def printable(text: str, limit: int) -> str:
    """Return text on one line, without invisible and bidirectional control characters.

    Args:
        text: Any text, from any source.
        limit: The most characters to return; a longer text ends in ``…``.
    """
    head = text[: 4 * limit]
    plain = head.isascii() and head.isprintable()
    visible = head if plain else "".join(map(_visible, head))
    joined = " ".join(visible.split())
    if len(joined) > limit or len(text) > len(head):
        return joined[: limit - 1] + "…"
    return joined


def legible(text: str, keep: str = "") -> str:
    """Return text with escapes for what a terminal obeys or hides.

    Unlike :func:`printable` it loses nothing: it is for the name of a file that is there.

    Args:
        text: Any text, from any source.
        keep: Characters that stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if character not in keep
        and character not in _JOINERS
        and unicodedata.category(character) in _OBEYED
        else character
        for character in text
    )


def _visible(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if character in _HARMLESS_SPACE:
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character


def clean_name(text: str, limit: int) -> str:
    """Return the name or title of something on one line, in Unicode's form NFC.

    Spaces of any width become plain spaces. Joiners stay between letters of scripts that need them
    (Persian, the scripts of India) and within emoji. Other invisible characters and
    bidirectional controls are dropped.

    Args:
        text: Any text, from any source.
        limit: The most characters to return; a longer text is cut.
    """
    return unicodedata.normalize("NFC", without_invisible(text))[:limit].strip()


def without_invisible(text: str) -> str:
    """Return text on one line without invisible characters, like :func:`clean_name`."""
    if text.isascii() and text.isprintable():
        return text
    characters: list[str] = []
    for index, character in enumerate(text):
        if character in _JOINERS:
            after = text[index + 1 : index + 2]
            before = characters[-1] if characters else ""
            if before and _takes_joiners(before) and after and _takes_joiners(after):
                characters.append(character)
        elif unicodedata.category(character) == "Zs":
            characters.append(" ")
        elif character not in _HARMLESS_SPACE:
            characters.append(_visible(character))
    return "".join(characters)


def _takes_joiners(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character)[0] in "LMS"
