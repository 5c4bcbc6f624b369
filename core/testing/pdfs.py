"""Writes small and very large PDFs for tests, demonstrations and benchmarks.

The files are plain PDF 1.7 (ISO 32000-1) without active content, free of warnings under
qpdf, and the same bytes for the same arguments. Text of any script can be extracted again;
only Latin text is drawn with its proper glyphs, because no font is embedded.
"""

import random
import textwrap
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_FONT_SIZE = 10
_LEADING = 12
_MARGIN = 54
_LINE_LENGTH = 95
_NOISE_WIDTH = 1024
_LETTER = (612.0, 792.0)


def make_pdf(
    pages: Sequence[str],
    *,
    title: str = "",
    page_size: tuple[float, float] = _LETTER,
    compress: bool = True,
    noise_per_page: int = 0,
) -> bytes:
    """Return a PDF with one page per text; for the arguments see :func:`iter_pdf`."""
    return b"".join(
        iter_pdf(
            pages,
            title=title,
            page_size=page_size,
            compress=compress,
            noise_per_page=noise_per_page,
        )
    )


def write_large_pdf(path: Path, size: int, *, pages: int = 16, text: str = "Page {number}") -> int:
    """Write a PDF of at least ``size`` bytes in bounded memory; return its size.

    Args:
        path: The file to write.
        size: Least number of bytes; the file has a few kilobytes for each page more.
        pages: How many pages there are; each carries its share of the size as an image.
        text: Text of each page; ``{number}`` stands for its number.
    """
    texts = (text.replace("{number}", str(number)) for number in range(1, pages + 1))
    written = 0
    with path.open("wb") as file:
        for piece in iter_pdf(texts, noise_per_page=-(-size // pages)):
            written += file.write(piece)
    return written


def iter_pdf(
    pages: Iterable[str],
    *,
    title: str = "",
    page_size: tuple[float, float] = _LETTER,
    compress: bool = True,
    noise_per_page: int = 0,
) -> Iterator[bytes]:
    """Yield a PDF piece by piece, so that one of many gigabytes needs no memory.

    Args:
        pages: The text of each page. Lines are wrapped and run from the top of the page
            down, past its lower edge if there are many.
        title: ``/Title`` in the document information.
        page_size: Width and height of each page in points.
        compress: Whether page contents are deflated.
        noise_per_page: Least number of bytes that each page carries in an image of noise,
            which does not compress.
    """
    writer = _Writer(page_size=page_size, compress=compress)
    yield b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    noise = _noise_rows(noise_per_page)
    for text in pages:
        image = writer.allocate() if noise else None
        if image is not None:
            yield from writer.image(image, noise)
        yield writer.page(text, image)
    yield writer.tail(title)


class _Writer:
    """A writer of numbered objects that notes their offsets (ISO 32000-1, 7.5.4)."""

    def __init__(self, *, page_size: tuple[float, float], compress: bool) -> None:
        self._position = len(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        self._offsets: dict[int, int] = {}
        self._count = 0
        self._size = page_size
        self._compress = compress
        self._pages: list[int] = []
        self._codes: dict[str, int] = {}
        self._catalog, self._tree, self._latin = (self.allocate() for _ in range(3))
        self._unicode: int | None = None

    def allocate(self) -> int:
        self._count += 1
        return self._count

    def _object(self, number: int, body: bytes) -> bytes:
        self._offsets[number] = self._position
        data = b"%d 0 obj\n%s\nendobj\n" % (number, body)
        self._position += len(data)
        return data

    def _stream(self, number: int, data: bytes) -> bytes:
        entries = b""
        if self._compress:
            data, entries = zlib.compress(data), b" /Filter /FlateDecode"
        body = b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(data), entries, data)
        return self._object(number, body)

    def image(self, number: int, rows: Sequence[bytes]) -> Iterator[bytes]:
        """A grey image, uncompressed: the only objects that are not built in memory."""
        self._offsets[number] = self._position
        length = sum(map(len, rows))
        head = (
            b"%d 0 obj\n<< /Type /XObject /Subtype /Image /Width %d /Height %d"
            b" /ColorSpace /DeviceGray /BitsPerComponent 8 /Length %d >>\nstream\n"
        ) % (number, _NOISE_WIDTH, length // _NOISE_WIDTH, length)
        end = b"\nendstream\nendobj\n"
        self._position += len(head) + length + len(end)
        yield head
        yield from rows
        yield end

    def page(self, text: str, image: int | None) -> bytes:
        content, number = self.allocate(), self.allocate()
        self._pages.append(number)
        drawing = b"" if image is None else b"q 100 0 0 100 %d 20 cm /I Do Q\n" % _MARGIN
        data = self._stream(content, drawing + self._text(text))
        fonts = b"/L %d 0 R" % self._latin
        if self._unicode is not None:
            fonts += b" /U %d 0 R" % self._unicode
        images = b"" if image is None else b" /XObject << /I %d 0 R >>" % image
        return data + self._object(
            number,
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s] /Contents %d 0 R"
            b" /Resources << /Font << %s >>%s >> >>"
            % (self._tree, _number(self._size[0]), _number(self._size[1]), content, fonts, images),
        )

    def _text(self, text: str) -> bytes:
        top = self._size[1] - _MARGIN
        parts = [b"BT %d TL %d %s Td" % (_LEADING, _MARGIN, _number(top))]
        for paragraph in text.splitlines():
            lines = textwrap.wrap(paragraph, _LINE_LENGTH, drop_whitespace=False) or [""]
            parts.extend(map(self._line, lines))
        return b"\n".join([*parts, b"ET"])

    def _line(self, line: str) -> bytes:
        try:
            string = b"(%s)" % line.encode("cp1252").replace(b"\\", b"\\\\").replace(
                b"(", b"\\("
            ).replace(b")", b"\\)")
            font = b"/L"
        except UnicodeEncodeError:
            if self._unicode is None:
                self._unicode = self.allocate()
            codes = (self._codes.setdefault(c, len(self._codes) + 1) for c in line)
            string = b"<%s>" % b"".join(b"%04X" % code for code in codes)
            font = b"/U"
        return b"%s %d Tf %s Tj T*" % (font, _FONT_SIZE, string)

    def tail(self, title: str) -> bytes:
        kids = b" ".join(b"%d 0 R" % number for number in self._pages)
        info = self.allocate()
        objects = [
            self._object(self._catalog, b"<< /Type /Catalog /Pages %d 0 R >>" % self._tree),
            self._object(
                self._tree, b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(self._pages), kids)
            ),
            self._object(
                self._latin,
                b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica"
                b" /Encoding /WinAnsiEncoding >>",
            ),
            self._object(info, b"<< /Title %s >>" % _text_string(title)),
            *self._unicode_font(),
        ]
        start = self._position
        table = [b"xref\n0 %d\n0000000000 65535 f \n" % (self._count + 1)]
        table += [
            b"%010d 00000 n \n" % self._offsets[number] for number in range(1, self._count + 1)
        ]
        trailer = b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
            self._count + 1,
            self._catalog,
            info,
            start,
        )
        return b"".join([*objects, *table, trailer])

    def _unicode_font(self) -> Iterator[bytes]:
        """A composite font whose codes are given meaning by ``/ToUnicode`` (9.10.3)."""
        if self._unicode is None:
            return
        descendant, descriptor, mapping = (self.allocate() for _ in range(3))
        yield self._object(
            self._unicode,
            b"<< /Type /Font /Subtype /Type0 /BaseFont /Helvetica /Encoding /Identity-H"
            b" /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>" % (descendant, mapping),
        )
        yield self._object(
            descendant,
            b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Helvetica /DW 500"
            b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
            b" /FontDescriptor %d 0 R >>" % descriptor,
        )
        yield self._object(
            descriptor,
            b"<< /Type /FontDescriptor /FontName /Helvetica /Flags 4 /FontBBox [0 -200 1000 900]"
            b" /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
        )
        yield self._stream(mapping, _to_unicode(self._codes))


def _to_unicode(codes: dict[str, int]) -> bytes:
    lines = [b"<%04X> <%s>" % (n, c.encode("utf-16-be").hex().encode()) for c, n in codes.items()]
    blocks = [lines[i : i + 100] for i in range(0, len(lines), 100)]  # 100 is the CMap limit
    return b"\n".join(
        [
            b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
            b"/CMapName /Text def /CMapType 2 def",
            b"1 begincodespacerange <0000> <FFFF> endcodespacerange",
            *(b"%d beginbfchar\n%s\nendbfchar" % (len(b), b"\n".join(b)) for b in blocks),
            b"endcmap CMapName currentdict /CMap defineresource pop end end",
        ]
    )


def _noise_rows(size: int) -> Sequence[bytes]:
    """Blocks of whole image rows, at least ``size`` bytes; one block is shared."""
    if not size:
        return ()
    rows = -(-size // _NOISE_WIDTH)
    block_rows = min(rows, 256)
    block = random.Random(rows).randbytes(block_rows * _NOISE_WIDTH)  # noqa: S311 - no secret
    full, rest = divmod(rows, block_rows)
    return [block] * full + ([block[: rest * _NOISE_WIDTH]] if rest else [])


def _text_string(text: str) -> bytes:
    """A text string in UTF-16BE with its mark (7.9.2.2), written in hexadecimal."""
    return b"<feff%s>" % text.encode("utf-16-be").hex().encode()


def _number(value: float) -> bytes:
    return f"{value:.4f}".rstrip("0").rstrip(".").encode()
