"""Output: results go to standard output, everything about them to standard error."""

import sys
from typing import Any

import orjson
from rich.console import Console
from rich.table import Column, Table

_NO_LIMIT = 10_000

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
_wide = Console(highlight=False, width=_NO_LIMIT)


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
