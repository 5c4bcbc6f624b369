"""A passage on its way: cut, published without a vector, found."""

from dataclasses import dataclass
from typing import Literal

from .languages import UNKNOWN

DATABASE = "passages.db"
Slot = Literal["main", "other"]
"""Which model a passage's vector is of: the settings' one, or that for other languages."""


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A published passage."""

    document: int
    page: int
    text: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedPassage:
    """A passage that is not published yet.

    Attributes:
        key: Unique name of the passage; the same for the same text at the same place.
        language: As :func:`~.languages.language_of` returns it.
        heading: The heading of its page, whose words count for all passages of the page.
    """

    key: str
    page: int
    text: str
    language: str = UNKNOWN
    heading: str = ""


@dataclass(frozen=True, slots=True)
class PendingPassage:
    """A published passage without a vector."""

    id: int
    key: str
    text: str
