"""Pages that Chromium prints, with the text of each."""

import html
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .words import BROKEN, HEADINGS, SCRIPTS

FONTS = {
    "arabic": ("Amiri", "DejaVu Sans"),
    "arabic, vowels": ("Amiri", "DejaVu Sans"),
    "persian": ("Amiri", "DejaVu Sans"),
    "hebrew": ("DejaVu Sans",),
    "thai": ("Loma",),
    "hindi": ("Lohit Devanagari",),
    "above U+FFFF": ("DejaVu Math TeX Gyre",),
}
_OTHER_FONTS = ("DejaVu Sans", "DejaVu Serif")
_SIZES = (9, 12, 20)
_LATIN = ("PDF", "ISO 32000", "e-mail", "Q3", "CO2")
_NUMBERS = ("1975", "12.5", "2024", "(3)", "100%")
_PRINT_SECONDS = 120


@dataclass(frozen=True)
class Sheet:
    """A page to print.

    Attributes:
        name: Of the set that it belongs to.
        truth: Its text.
        markup: The same as HTML.
    """

    name: str
    truth: str
    markup: str


def font_families() -> frozenset[str]:
    """Return the fonts that are installed."""
    command = ["fc-list", "--format", "%{family}\n"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return frozenset(name for line in names.splitlines() for name in line.split(","))


def sheets(pages: int) -> Iterator[Sheet]:
    """Yield pages of each set.

    Args:
        pages: How many of each set, font and size.
    """
    source = random.Random(17)
    for name, (words, direction) in SCRIPTS.items():
        for font in FONTS.get(name, _OTHER_FONTS):
            for size in _SIZES:
                for _ in range(pages):
                    yield _sheet(source, name, words, direction, font, size)
    for spacing in (0.15, 0.3, 0.5):
        for _ in range(pages):
            yield _headings(source, spacing)
    for _ in range(3 * pages):
        yield _soft_hyphens(source)


def print_sheets(browser: str, every: Sequence[Sheet], path: Path) -> None:
    """Print pages to a PDF, one page each.

    Raises:
        subprocess.SubprocessError: The browser fails.
    """
    page = path.with_suffix(".html")
    style = (
        "@page{size:A4;margin:15mm} section{break-after:page;padding-top:1em} p{margin:0 0 .5em}"
    )
    body = "\n".join(f"<section>{sheet.markup}</section>" for sheet in every)
    page.write_text(f"<meta charset=utf-8><style>{style}</style>{body}", encoding="utf-8")
    command = [
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"),
        *(f"--user-data-dir={path.parent / 'profile'}", f"--print-to-pdf={path}", page.as_uri()),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=_PRINT_SECONDS)


def _sheet(
    source: random.Random, name: str, words: Sequence[str], direction: str, font: str, size: int
) -> Sheet:
    paragraphs = [_paragraph(source, words) for _ in range(5)]
    lines = "".join(f"<p>{_markup(name, text)}" for text in paragraphs)
    style = f"direction:{direction};font:{size}px '{font}'"
    return Sheet(name, "\n".join(paragraphs), f'<div style="{style}">{lines}</div>')


def _markup(name: str, text: str) -> str:
    if name != "thai":
        return html.escape(text)
    # A browser ends lines between words that no space divides.
    return " ".join(f"<span style=white-space:nowrap>{html.escape(w)}</span>" for w in text.split())


def _paragraph(source: random.Random, words: Sequence[str]) -> str:
    tokens = source.choices(words, k=source.randint(12, 30))
    for extra in (_LATIN, _NUMBERS):
        tokens.insert(source.randint(1, len(tokens) - 1), source.choice(extra))
    start = source.randint(0, len(tokens) - 3)
    tokens[start] = f"({tokens[start]}" if "(" not in tokens[start] else tokens[start]
    if tokens[start].endswith(")"):
        return " ".join(tokens) + "."
    tokens[start + 1] = f"{tokens[start + 1].rstrip(')')})".replace("((", "(")
    return " ".join(tokens) + "."


def _headings(source: random.Random, spacing: float) -> Sheet:
    lines = [" ".join(source.choices(HEADINGS, k=source.randint(1, 3))) for _ in range(12)]
    markup = "".join(f"<p>{line}" for line in lines)
    style = f"letter-spacing:{spacing}em;font:20px 'DejaVu Sans'"
    return Sheet("letter-spaced", "\n".join(lines), f'<div style="{style}">{markup}</div>')


def _soft_hyphens(source: random.Random) -> Sheet:
    words = source.choices(BROKEN, k=60)
    markup = " ".join(word.replace("·", "&shy;") for word in words)
    style = "width:140px;text-align:justify;font:12px 'DejaVu Serif'"
    truth = " ".join(word.replace("·", "") for word in words)
    return Sheet("soft hyphens", truth, f'<div style="{style}">{markup}</div>')
