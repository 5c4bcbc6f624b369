"""PDFs whose pages are pictures of text, as a scanner makes them."""

import io
from collections.abc import Sequence
from pathlib import Path

import pikepdf
from pikepdf import Dictionary, Name
from PIL import Image, ImageDraw, ImageFont

DPI = 200
INCH = 72
WIDTH, HEIGHT = 612, 792  # points
_MARGIN = 72


def picture_of(lines: Sequence[str], *, points: float = 12, turn: int = 0) -> Image.Image:
    """Return a page with lines of text from its upper left corner.

    Args:
        lines: The lines.
        points: The size of the letters.
        turn: Degrees by which the paper lay wrong, counter-clockwise.
    """
    scale = DPI / INCH
    picture = Image.new("L", (round(WIDTH * scale), round(HEIGHT * scale)), 255)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(points * scale)
    for number, line in enumerate(lines):
        place = (_MARGIN * scale, (_MARGIN + number * points * 1.5) * scale)
        draw.text(place, line, font=font, fill=0)
    return picture.rotate(turn, expand=True, fillcolor=255)


def write_scan(path: Path, pictures: Sequence[Image.Image]) -> Path:
    """Write a PDF with one picture on each page."""
    pdf = pikepdf.new()
    for picture in pictures:
        size = (picture.width * INCH / DPI, picture.height * INCH / DPI)
        pdf.add_blank_page(page_size=size)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=85)
        image = pdf.make_stream(
            buffer.getvalue(),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=picture.width,
            Height=picture.height,
            ColorSpace=Name.DeviceGray,
            BitsPerComponent=8,
            Filter=Name.DCTDecode,
        )
        page = pdf.pages[-1]
        page.Resources = Dictionary(XObject=Dictionary(I=image))
        page.Contents = pdf.make_stream(b"q %f 0 0 %f 0 0 cm /I Do Q" % size)
    pdf.save(path)
    return path
