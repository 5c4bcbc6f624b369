"""Which files are meant by what is given on the command line."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_HEAD = 1024


def files_of(paths: Sequence[Path], empty: Callable[[Path], None]) -> Iterator[Path]:
    """Yield each file once: those that are named, and the PDFs below named folders.

    In a folder, files called ``*.pdf`` count, and others that begin like a PDF. So does what
    cannot be read, a folder too: opening it gives the reason. Links to folders are not followed.

    Args:
        paths: Files and folders.
        empty: Called with each named folder in which nothing is to be scanned.
    """
    visited: set[Path] = set()
    for path in paths:
        is_empty = True
        for file in _below(path) if path.is_dir() else (path,):
            is_empty = False
            if file not in visited:
                visited.add(file)
                yield file
        if is_empty:
            empty(path)


def _below(folder: Path) -> Iterator[Path]:
    unreadable: list[Path] = []

    def note(error: OSError) -> None:
        unreadable.append(Path(error.filename or folder))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() == ".pdf" or _may_be_pdf(path):
                yield path
    yield from unreadable


def _may_be_pdf(path: Path) -> bool:
    """Return whether a PDF header is near the start, or, as in a pipe, may be."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return b"%PDF-" in file.read(_HEAD)
    except FileNotFoundError:  # it has just been deleted
        return False
    except OSError:
        return True
