"""Folders in settings: absolute, and never the working directory by accident."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator


def _absolute(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("the name of the folder contains a zero byte")
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"the home folder of {path.parts[0]} is unknown") from error


def _not_empty(value: Any) -> Any:
    """Refuse an empty name, which would mean the working directory."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("the name of the folder is empty")
    return value


Folder = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_absolute)]
"""A folder; ``~`` is the home folder, and a relative name begins in the working directory."""
