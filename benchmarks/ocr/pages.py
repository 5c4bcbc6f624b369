"""Pages of known text, as PDFs with text and as pictures."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pikepdf
from pikepdf import Dictionary, Name
from PIL import Image

FONTS = ("Helvetica", "Times-Roman", "Courier", "Helvetica-Bold", "Times-Italic")
_WIDTH, _HEIGHT, _MARGIN = 595.0, 842.0, 56.0
_LEADING = 1.3
_WIDEST = {"Courier": 0.6, "Helvetica-Bold": 0.56}  # of a letter on average, in its size
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*[A-Za-z][.,;:]?|\d{2,}[.,]?")


@dataclass(frozen=True)
class Page:
    """A page of words in one font and size."""

    font: str
    points: int
    lines: tuple[str, ...]
    width: float = _WIDTH
    height: float = _HEIGHT

    @property
    def words(self) -> list[str]:
        """The truth."""
        return " ".join(self.lines).split()

    def pdf(self) -> bytes:
        """Return the page as a PDF with text."""
        document = pikepdf.new()
        document.add_blank_page(page_size=(self.width, self.height))
        page = document.pages[0]
        font = Dictionary(
            Type=Name.Font,
            Subtype=Name.Type1,
            BaseFont=Name(f"/{self.font}"),
            Encoding=Name.WinAnsiEncoding,
        )
        page.Resources = Dictionary(Font=Dictionary(F=document.make_indirect(font)))
        operators = "\n".join(f"({line}) Tj T*" for line in self.lines)
        start = f"{_MARGIN} {self.height - _MARGIN - self.points}"
        content = f"BT /F {self.points} Tf {self.points * _LEADING} TL {start} Td\n{operators}\nET"
        page.Contents = document.make_stream(content.encode("cp1252"))
        buffer = io.BytesIO()
        document.save(buffer)
        return buffer.getvalue()


def pages_of(text: str, fonts: Sequence[str], sizes: Sequence[int]) -> Iterator[Page]:
    """Yield a full page of the words of a text for each font and size."""
    words = _WORD.findall(text)
    position = 0
    for font in fonts:
        for points in sizes:
            characters = int((_WIDTH - 2 * _MARGIN) / (points * _WIDEST.get(font, 0.5)))
            count = int((_HEIGHT - 2 * _MARGIN) / (points * _LEADING)) - 1
            lines: list[str] = []
            while len(lines) < count:
                line = ""
                while len(line) + 1 + len(words[position]) <= characters:
                    line = f"{line} {words[position]}".strip()
                    position = (position + 1) % len(words)
                lines.append(line)
            yield Page(font, points, tuple(lines))


def write_scan(path: Path, pictures: Sequence[bytes]) -> None:
    """Write a PDF with one JPEG on each page."""
    document = pikepdf.new()
    for picture in pictures:
        width, height = Image.open(io.BytesIO(picture)).size
        document.add_blank_page(page_size=(_WIDTH, _HEIGHT))
        image = document.make_stream(
            picture,
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=width,
            Height=height,
            ColorSpace=Name.DeviceRGB,
            BitsPerComponent=8,
            Filter=Name.DCTDecode,
        )
        page = document.pages[-1]
        page.Resources = Dictionary(XObject=Dictionary(I=image))
        page.Contents = document.make_stream(f"q {_WIDTH} 0 0 {_HEIGHT} 0 0 cm /I Do Q".encode())
    document.save(path)
