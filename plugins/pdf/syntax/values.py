"""The PDF objects that the scanner keeps: small, and only what it needs."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias


class Name(NamedTuple):
    """A name object (ISO 32000-2, 7.3.5).

    Attributes:
        text: The name without its solidus, ``#xx`` escapes decoded.
        escaped: Whether it was written with escapes, and so cannot be read in the raw bytes.
    """

    text: bytes
    escaped: bool = False


class Reference(NamedTuple):
    """An indirect reference (ISO 32000-2, 7.3.10)."""

    number: int
    generation: int


class Text(NamedTuple):
    """The beginning of a string object (ISO 32000-2, 7.3.4), escapes decoded.

    Attributes:
        head: The beginning.
        cut: Whether there is more.
    """

    head: bytes
    cut: bool = False


MAX_EQUAL = 16
"""Values of one key that are kept apart: the first and the last; no reader takes another."""


class Dictionary:
    """A dictionary object (ISO 32000-2, 7.3.7), with duplicates, in file order.

    Attributes:
        entries: Key, value pairs.
        escaped: Whether a key or a name among the values was written with escapes.
    """

    __slots__ = ("_by_key", "entries", "escaped")

    def __init__(self, entries: list[tuple[bytes, "Value"]], *, escaped: bool = False) -> None:
        self.entries = entries
        self.escaped = escaped
        self._by_key: dict[bytes, list[Value]] = {}
        for key, value in entries:
            values = self._by_key.setdefault(key, [])
            values.append(value)
            if len(values) > MAX_EQUAL:
                del values[MAX_EQUAL // 2]

    def every(self, key: bytes) -> Sequence["Value"]:
        """Return the values of a key: readers differ about which of several counts."""
        return self._by_key.get(key, ())

    def get(self, key: bytes) -> "Value":
        """Return the last value of a key, as most readers do, or ``None``."""
        values = self._by_key.get(key)
        return values[-1] if values else None

    def names(self, key: bytes) -> set[bytes]:
        """Return the texts of all names that are values of a key."""
        return {value.text for value in self.every(key) if isinstance(value, Name)}

    def __contains__(self, key: bytes) -> bool:
        return key in self._by_key

    def __repr__(self) -> str:
        return f"Dictionary({self.entries!r})"


class Keyword(NamedTuple):
    """A word that is no PDF value, where a value was expected."""

    text: bytes


Value: TypeAlias = (
    "bool | int | float | Name | Reference | Text | Keyword | Dictionary | list[Value] | None"
)


def is_empty(value: Value) -> bool:
    """Return whether a value is null, or a container without anything in it."""
    if isinstance(value, Dictionary):
        return all(entry is None for _, entry in value.entries)
    return value is None or value == []
