"""Distinguishes damage from deviations that every reader tolerates."""

import re
from collections.abc import Sequence

_HARMLESS = re.compile(
    r"Resources is missing or invalid"
    r"|MediaBox is undefined"
    r"|xref entry for the xref stream itself is missing"
    r"|reported number of objects"
    r"|name with stray #"
    r"|null character not allowed in name"
    r"|extraneous whitespace seen before xref"
    r"|duplicated key"
    r"|more than once in the pages tree"
    r"|point to the root of the page tree"
    r"|/Type key should be"
    r"|Pages tree includes non-dictionary object"
    r"|operation for \w+ attempted on object of type"
    r"|memory limit"
)
_MEMORY = re.compile(r"\Astream <[^<>]*>")
"""The beginning of a warning about a file in memory, which has no path."""
_POSITION = re.compile(r"\(object (\d+) \d+|object (\d+) \d+ at offset|\(?(?:offset (\d+))")


def damages(warnings: Sequence[str], path: str) -> list[tuple[str, int | None]]:
    """Return qpdf's messages about damage, and the object that each names."""
    messages: list[tuple[str, int | None]] = []
    for warning in warnings:
        if _HARMLESS.search(warning):
            continue
        text = _MEMORY.sub("", warning.replace(path, "") if path else warning).lstrip(": ")
        position = _POSITION.search(text)
        number = next((int(n) for n in position.groups()[:2] if n), None) if position else None
        messages.append((_sentence(text), number))
    return messages


def exceeds_memory(warnings: Sequence[str]) -> bool:
    """Return whether a stream expands to more than is allowed."""
    return any("memory limit" in warning for warning in warnings)


def _sentence(text: str) -> str:
    _, _, rest = text.rpartition("): ")
    return rest or text
