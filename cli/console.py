"""Output: results go to standard output, everything about them to standard error."""

import sys
from typing import Any

import orjson
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from pdfsluice.core.text import legible

_NO_LIMIT = 10_000


class SafeConsole(Console):
    """A console that shows control characters instead of obeying them.

    Names of files, and what a server returns, may have some; a terminal would obey them.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Return text with escapes for control characters, except newlines and tabs."""
        return super().render_str(legible(text, keep="\n\t"), **options)


out = SafeConsole(highlight=False)
err = SafeConsole(stderr=True, highlight=False)
_wide = SafeConsole(highlight=False, width=_NO_LIMIT)


def print_json(value: Any) -> None:
    """Print one value as one line of JSON, always in UTF-8 (RFC 8259, 8.1)."""
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(value, default=str) + b"\n")
    sys.stdout.buffer.flush()


def listing(*columns: str | Column) -> Table:
    """Return an empty table; text that is too long for its column is wrapped."""
    folded = (Column(each, overflow="fold") if isinstance(each, str) else each for each in columns)
    return Table(*folded, box=None, pad_edge=False)


def print_table(table: Table) -> None:
    """Print a table, as wide as the terminal if there is one; nothing is cut off."""
    (out if out.is_terminal else _wide).print(table, crop=False)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 page``, ``2 pages``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
