"""Which files are meant by what is given on the command line."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_HEAD = 1024


def files_of(given: Sequence[Path]) -> Iterator[Path]:
    """Yield each file once: those that are named, and the PDFs below named folders.

    In a folder, files called ``*.pdf`` count, and others that begin like a PDF. Links to
    folders are not followed.
    """
    seen: set[Path] = set()
    for path in given:
        for file in _below(path) if path.is_dir() else (path,):
            if file not in seen:
                seen.add(file)
                yield file


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() == ".pdf" or _begins_like_pdf(path):
                yield path


def _begins_like_pdf(path: Path) -> bool:
    """Whether a PDF header stands near the start; what is no ordinary file has none."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return b"%PDF-" in file.read(_HEAD)
    except OSError:
        return False
