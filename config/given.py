"""Configured values, where they came from, and the error that names both."""

from dataclasses import dataclass
from typing import Any

Key = tuple[str, ...]


class SettingsError(Exception):
    """A setting is wrong; the message names the value, its origin and what is allowed."""


@dataclass(frozen=True, slots=True)
class Given:
    """A configured value and its origin.

    Attributes:
        value: The value.
        origin: A file and section, a variable, or an option of the command.
        plain: Whether it is text that is parsed by the setting's type.
        unit: Appended to the text before it is parsed; messages show the text alone.
    """

    value: Any
    origin: str
    plain: bool = False
    unit: str = ""
