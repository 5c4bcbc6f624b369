"""Values that somebody gave, where they came from, and the error that names both."""

from dataclasses import dataclass
from typing import Any

Key = tuple[str, ...]


class SettingsError(Exception):
    """A setting is wrong; the message names the value, its origin and what is allowed."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value somebody gave, and where.

    Attributes:
        value: The value.
        origin: A file and section, a variable, or an option of the command.
        plain: Whether it is text of which the setting's type says how to read it.
    """

    value: Any
    origin: str
    plain: bool = False
