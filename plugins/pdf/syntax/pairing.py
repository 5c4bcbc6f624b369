"""Makes the best of the values of a dictionary or an object, as readers do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .values import Dictionary, Name, Value


@dataclass(slots=True)
class Pairs:
    """The entries of a dictionary.

    Attributes:
        entries: Keys and values.
        escaped: Whether a key or a name among the values was written with escapes.
        sound: Whether each key is a name, and has a value.
        moved: How many values were taken out of others.
    """

    entries: list[tuple[bytes, Value]] = field(default_factory=list)
    escaped: bool = False
    sound: bool = True
    moved: int = 0


def pair(items: Sequence[Value]) -> Pairs:
    """Pair keys with values; if a key is no name, resynchronize at the next name.

    Readers skip the token in the place of a key: of a dictionary or an array only the bracket.
    What is in it then belongs to the dictionary around it.
    """
    pairs = Pairs()
    waiting = list(reversed(items))
    while waiting:
        key = waiting.pop()
        if isinstance(key, Name):
            pairs.sound &= bool(waiting)
            value = waiting.pop() if waiting else None
            pairs.escaped |= key.escaped or (isinstance(value, Name) and value.escaped)
            pairs.entries.append((key.text, value))
            continue
        pairs.sound = False
        if isinstance(key, Dictionary):
            pairs.entries += key.entries
            pairs.escaped |= key.escaped
            pairs.moved += len(key.entries)
        elif isinstance(key, list):
            waiting += reversed(key)
            pairs.moved += len(key)
    return pairs


def most_telling(items: Sequence[Value]) -> Value:
    """Return the first dictionary among several values, or the first value."""
    for item in items:
        if isinstance(item, Dictionary):
            return item
    return items[0] if items else None
