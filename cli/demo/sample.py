"""Typesets the sample document: a booklet of prose with a picture on its cover.

The same bytes come out each time, so that a second upload is known for a duplicate.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

FILENAME = "canals-locks-and-sluices.pdf"

_WIDTH, _HEIGHT = 420, 595  # points; A5
_MARGIN = 52
_SIZE, _LEADING = 10.5, 14.5
_PICTURE = (1500, 1360)  # pixels; makes the file large enough to watch it on its way

# Advance widths of Times-Roman in thousandths of its size, for the characters 32 to 126.
_TIMES = (
    *(250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278),
    *(500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 278, 278, 564, 564, 564, 444),
    *(921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722),
    *(556, 722, 667, 556, 611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500),
    *(333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500),
    *(500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541),
)
_OTHER_WIDTH = 500  # of the few accented letters in the text


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a page.

    Attributes:
        text: Its words.
        heading: Whether it is set in the larger, bold face.
        spacing: Points added to each space, so that the line fills the measure.
        gap: Points of white above it.
    """

    text: str
    heading: bool = False
    spacing: float = 0.0
    gap: float = 0.0


def write_sample(path: Path) -> None:
    """Write the booklet: a cover and 14 pages, about 2.5 MB."""
    title, _, body = _prose().partition("\n")
    with Pdf.new() as pdf:
        fonts = Dictionary(
            R=pdf.make_indirect(_font("Times-Roman")), B=pdf.make_indirect(_font("Times-Bold"))
        )
        _cover(pdf, fonts, title)
        for chapter in body.split("\n# ")[1:]:
            first = len(pdf.pages)
            for lines in _pages(_set(chapter)):
                _page(pdf, Dictionary(Font=fonts), _text(lines))
            _bookmark(pdf, chapter.partition("\n")[0], first)
        pdf.docinfo[Name.Title] = title
        pdf.docinfo[Name.Author] = "The pdfsluice project"
        pdf.save(path, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)


def _prose() -> str:
    return files(__package__ or "").joinpath("sluices.txt").read_text(encoding="utf-8")


def _font(name: str) -> Dictionary:
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type1,
        BaseFont=Name(f"/{name}"),
        Encoding=Name.WinAnsiEncoding,
    )


def _set(chapter: str) -> Iterator[_Line]:
    """Break a chapter into lines."""
    heading, *paragraphs = (part.strip() for part in chapter.split("\n\n"))
    yield _Line(heading, heading=True)
    for number, paragraph in enumerate(paragraphs):
        gap = 16.0 if number == 0 else 6.0
        for line in _justified(paragraph.split()):
            yield _Line(line.text, spacing=line.spacing, gap=gap)
            gap = 0.0


def _justified(words: list[str]) -> Iterator[_Line]:
    measure = _WIDTH - 2 * _MARGIN
    line: list[str] = []
    for word in words:
        if line and _length(" ".join([*line, word])) > measure:
            text = " ".join(line)
            yield _Line(text, spacing=(measure - _length(text)) / max(1, len(line) - 1))
            line = []
        line.append(word)
    yield _Line(" ".join(line))


def _length(text: str) -> float:
    first, last = 32, 126
    units = sum(_TIMES[ord(c) - first] if first <= ord(c) <= last else _OTHER_WIDTH for c in text)
    return units * _SIZE / 1000


def _pages(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    page: list[_Line] = []
    left = 0.0
    for line in lines:
        height = _LEADING + line.gap
        if page and height > left:
            yield page
            page = []
        if not page:
            left = _HEIGHT - 2.0 * _MARGIN
        page.append(line)
        left -= height
    yield page


def _text(lines: list[_Line]) -> bytes:
    """Return the content stream (ISO 32000-2, 9.4) of a page."""
    parts = ["BT", f"{_MARGIN} {_HEIGHT - _MARGIN} Td"]
    for line in lines:
        font = "/B 15 Tf" if line.heading else f"/R {_SIZE} Tf"
        parts.append(f"{font} {line.spacing:.3f} Tw 0 {-_LEADING - line.gap:.1f} Td")
        parts.append(f"({_escaped(line.text)}) Tj")
    parts.append("ET")
    return "\n".join(parts).encode("cp1252")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _cover(pdf: Pdf, fonts: Dictionary, title: str) -> None:
    width, height = _PICTURE
    picture = pdf.make_stream(
        zlib.compress(_water(width, height), 6),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=Name.FlateDecode,
    )
    drawing = f"q {_WIDTH} 0 0 380 0 0 cm /Water Do Q BT /B 24 Tf {_MARGIN} 480 Td "
    drawing += (
        f"({_escaped(title)}) Tj /R 12 Tf 0 -26 Td (How water is held, raised and released) Tj ET"
    )
    resources = Dictionary(Font=fonts, XObject=Dictionary(Water=picture))
    _page(pdf, resources, drawing.encode("cp1252"))


def _water(width: int, height: int) -> bytes:
    """Draw the surface of a calm pond in the evening, as RGB rows."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64) * (840 / width)
    depth = y / y[-1, 0]
    waves = np.sin((x * 0.02 + np.sin(y * 0.09) * 2.2) * (1.5 - depth) + y * y * 0.0006)
    grain = np.random.default_rng(1681).normal(0.0, 1.0, (height, width))
    light = 0.55 + 0.25 * waves * depth + 0.035 * grain
    colour = np.stack([0.28 + 0.55 * light, 0.42 + 0.45 * light, 0.55 + 0.35 * light], axis=-1)
    pixels: bytes = (
        (np.clip(colour * (1.15 - 0.5 * depth[..., None]), 0, 1) * 255).astype(np.uint8).tobytes()
    )
    return pixels


def _page(pdf: Pdf, resources: Dictionary, content: bytes) -> None:
    page = Dictionary(
        Type=Name.Page,
        MediaBox=Array([0, 0, _WIDTH, _HEIGHT]),
        Resources=resources,
        Contents=pdf.make_stream(content),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))


def _bookmark(pdf: Pdf, heading: str, page: int) -> None:
    with pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(heading, page))
