"""Pages that are drawn operator by operator, with the text of each."""

import io
import random
from collections.abc import Callable, Iterator, Mapping

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from .words import BROKEN, COMPOUNDS, GERMAN, HEADINGS

_SIZE = (595, 842)
Page = tuple[str, bytes]
"""The text of a page, and the page as a PDF."""


def drawn(pages: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, text and PDF of each page of each set."""
    source = random.Random(23)
    for name, draw in _SETS.items():
        for _ in range(pages):
            truth, data = draw(source)
            yield name, truth, data


def _hyphenated(source: random.Random) -> Page:
    """Draw lines of which most end in a broken word."""
    hyphen = source.choice(("-", "\u00ad"))
    lines, truth, rest = [], [], ""
    for _ in range(35):
        words = [rest, *source.choices(GERMAN, k=4)] if rest else source.choices(GERMAN, k=5)
        broken = source.choice(BROKEN if source.random() < 0.8 else COMPOUNDS)
        parts = broken.split("·")
        cut = source.randint(1, len(parts) - 1)
        head = "".join(parts[:cut])
        truth += [*words[1 if rest else 0 :], "".join(parts)]
        lines.append(" ".join([*words, head + ("" if head.endswith("-") else hyphen)]))
        rest = "".join(parts[cut:])
    lines.append(f"{rest} Ende")
    return " ".join([*truth, "Ende"]), _pdf("".join(map(_line, lines)))


def _line(text: str) -> str:
    encoded = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"({encoded}) Tj T*\n"


def _with_spaces(source: random.Random) -> Page:
    """Draw headings with a space after each letter, and three between words."""
    lines = [source.choices(HEADINGS, k=source.randint(1, 2)) for _ in range(12)]
    content = "".join(_line("   ".join(" ".join(word) for word in line)) for line in lines)
    return "\n".join(" ".join(line) for line in lines), _pdf(content)


def _with_gaps(source: random.Random) -> Page:
    """Draw headings whose letters are moved apart (ISO 32000-1, 9.4.3)."""
    lines = [source.choice(HEADINGS) for _ in range(12)]
    gap = source.choice((250, 400, 600))
    content = "".join(
        f"[{' '.join(f'({letter}) -{gap}' for letter in line)}] TJ T*\n" for line in lines
    )
    return "\n".join(lines), _pdf(content)


def _fields(source: random.Random) -> Page:
    """Draw nothing but fields and text boxes."""
    pdf = pikepdf.open(io.BytesIO(_pdf(_line("Application"))))
    page, truth = pdf.pages[0], ["Application"]
    fields, annotations = [], []
    for number in range(8):
        value = " ".join(source.choices(GERMAN, k=3))
        name = f"field{number}"
        widget = Dictionary(
            Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String(name), V=String(value),
            Rect=Array([72, 700 - 30 * number, 300, 720 - 30 * number]), F=4,
            DA=String("/Helv 10 Tf 0 g"),
        )  # fmt: skip
        fields.append(pdf.make_indirect(widget))
        truth.append(f"Form field {name}: {value}")
    for number in range(4):
        value = " ".join(source.choices(GERMAN, k=3))
        box = Dictionary(
            Type=Name.Annot, Subtype=Name.FreeText, Contents=String(value), F=4,
            Rect=Array([320, 700 - 30 * number, 540, 720 - 30 * number]),
            DA=String("/Helv 10 Tf 0 g"),
        )  # fmt: skip
        annotations.append(pdf.make_indirect(box))
        truth.append(f"Text box: {value}")
    pdf.Root.AcroForm = pdf.make_indirect(
        Dictionary(Fields=Array(fields), DR=Dictionary(), DA=String("/Helv 10 Tf 0 g"))
    )
    page.Annots = Array([*fields, *annotations])
    buffer = io.BytesIO()
    pdf.save(buffer)
    return "\n".join(truth), buffer.getvalue()


def _pdf(content: str) -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=_SIZE)
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
    )
    page = pdf.pages[0]
    page.Resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)))
    drawn_text = f"BT /F 11 Tf 14 TL 60 780 Td\n{content}ET"
    page.Contents = pdf.make_stream(drawn_text.encode("cp1252"))
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


_SETS: Mapping[str, Callable[[random.Random], Page]] = {
    "hyphenated": _hyphenated,
    "letter-spaced by spaces": _with_spaces,
    "letter-spaced by gaps": _with_gaps,
    "fields and text boxes": _fields,
}
