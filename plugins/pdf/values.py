"""The PDF objects that the scanner keeps: small, and only what it needs."""

from collections.abc import Iterator
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
    """The beginning of a string object (ISO 32000-2, 7.3.4), escapes decoded."""

    head: bytes


class Dictionary:
    """A dictionary object (ISO 32000-2, 7.3.7), its entries in file order, duplicates included.

    Attributes:
        entries: Key, value pairs.
        escaped: Whether a key or a name among the values was written with escapes.
    """

    __slots__ = ("entries", "escaped")

    def __init__(self, entries: list[tuple[bytes, "Value"]], *, escaped: bool = False) -> None:
        self.entries = entries
        self.escaped = escaped

    def every(self, key: bytes) -> Iterator["Value"]:
        """Yield all values of a key: readers differ about which of several counts."""
        return (value for name, value in self.entries if name == key)

    def get(self, key: bytes) -> "Value":
        """Return the last value of a key, as most readers do, or ``None``."""
        found: Value = None
        for name, value in self.entries:
            if name == key:
                found = value
        return found

    def names(self, key: bytes) -> set[bytes]:
        """Return the texts of all names that are values of a key."""
        return {value.text for value in self.every(key) if isinstance(value, Name)}

    def __contains__(self, key: bytes) -> bool:
        return any(name == key for name, _ in self.entries)

    def __repr__(self) -> str:
        return f"Dictionary({self.entries!r})"


class Keyword(NamedTuple):
    """A word that is no PDF value, where a value was expected."""

    text: bytes


Value: TypeAlias = (
    "bool | int | float | Name | Reference | Text | Keyword | Dictionary | list[Value] | None"
)


def is_empty(value: Value) -> bool:
    """Whether a value is null, or a container without anything in it."""
    if isinstance(value, Dictionary):
        return all(entry is None for _, entry in value.entries)
    return value is None or value == []
