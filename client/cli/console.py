"""Where output goes: results to standard output, everything about them to standard error."""

from typing import Any

import orjson
from rich.console import Console

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one value as one line of JSON to standard output."""
    out.file.write(orjson.dumps(value, default=str).decode() + "\n")
    out.file.flush()
