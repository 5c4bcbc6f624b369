"""``python -m benchmarks.extraction``: how much of a printed text is read.

Chromium prints pages of random words in several scripts, fonts and sizes; other pages are drawn
operator by operator. The text of each is known, so that every difference is an error. The
columns are the similarity of characters and of words, and the targets of both.
"""

import argparse
import difflib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from pdfsluice.core import PageText
from pdfsluice.plugins.pdfium import text_worker as pdfium
from pdfsluice.plugins.pypdf_text import worker as pypdf
from tests.support.browsers import find_browser

from .drawn import drawn
from .printed import print_sheets, sheets
from .scoring import Score, score_of

READERS = {"pdfium": pdfium.read, "pypdf": pypdf.read}
TARGETS = {
    "arabic": (0.93, 0.95),
    "arabic, vowels": (0.93, 0.95),
    "letter-spaced": (0.97, 0.97),
    "letter-spaced by spaces": (0.97, 0.97),
    "letter-spaced by gaps": (0.97, 0.97),
}
DEFAULT_TARGET = (0.99, 0.99)


@dataclass
class Texts:
    """The pages of a set."""

    truth: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)


def read_printed(reader: str, browser: str, pages: int, folder: Path) -> dict[str, Texts]:
    """Print pages and read them.

    Raises:
        subprocess.SubprocessError: The browser fails.
    """
    every, sets = list(sheets(pages)), dict[str, Texts]()
    print_sheets(browser, every, folder / "printed.pdf")
    texts = list(READERS[reader](folder / "printed.pdf", count(1)))
    for sheet, page in zip(every, texts, strict=True):
        _add(sets, sheet.name, sheet.truth, page)
    return sets


def read_drawn(reader: str, pages: int, folder: Path) -> dict[str, Texts]:
    """Draw pages and read them."""
    sets = dict[str, Texts]()
    path = folder / "drawn.pdf"
    for name, truth, data in drawn(pages):
        path.write_bytes(data)
        [page] = READERS[reader](path, count(1))
        _add(sets, name, truth, page)
    return sets


def _add(sets: dict[str, Texts], name: str, truth: str, page: PageText) -> None:
    texts = sets.setdefault(name, Texts())
    texts.truth.append(truth)
    texts.read.append(page.text)


def scores(sets: dict[str, Texts]) -> dict[str, Score]:
    """Return the score of each set."""
    return {name: score_of(texts.truth, texts.read) for name, texts in sets.items()}


def falls_short(name: str, score: Score) -> bool:
    """Return whether a set misses its target."""
    characters, words = TARGETS.get(name, DEFAULT_TARGET)
    return score.characters < characters or score.words < words


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if PDFium misses a target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__)
    parser.add_argument("--reader", choices=READERS, default="pdfium")
    parser.add_argument("--pages", type=int, default=5, help="of each set, font and size")
    parser.add_argument("--only", default="", help="measure the sets whose name contains this")
    parser.add_argument("--show", action="store_true", help="print the lines that differ")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    browser = find_browser()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = read_drawn(options.reader, options.pages, folder)
        if browser is None:
            sys.stdout.write("No Chromium is installed: printed pages are left out.\n")
        else:
            sets = read_printed(options.reader, browser, options.pages, folder) | sets
    sets = {name: texts for name, texts in sets.items() if options.only in name}
    results, is_short = scores(sets), False
    for name, score in results.items():
        short = falls_short(name, score)
        is_short |= short
        mark = "  below its target" if short else ""
        sys.stdout.write(f"{name:26} {score.characters:.4f} {score.words:.4f}{mark}\n")
        if options.show:
            _show(sets[name])
    if options.json:
        figures = {name: asdict(score) for name, score in results.items()}
        options.json.write_text(json.dumps(figures, indent=1))
    return int(is_short and options.reader == "pdfium")


def _show(texts: Texts) -> None:
    for truth, read in zip(texts.truth, texts.read, strict=True):
        for line in difflib.unified_diff(truth.split(), read.split(), lineterm="", n=1):
            sys.stdout.write(f"    {line}\n")


if __name__ == "__main__":
    sys.exit(main())
