"""Writes PDFs whose cross-reference table leads to an object inside of a stream."""

from dataclasses import dataclass

SCRIPT = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"
LAUNCH = b"<</S/Launch/F(calc.exe)/P 1 0 R/K 0>>"


@dataclass(frozen=True)
class Hiding:
    """How an object is hidden.

    Attributes:
        number: Its number.
        content: What it is; the document runs it when it is opened.
        end: What follows it.
        padding: Bytes before it in the stream.
        size: The number of objects in the trailer; by default the true one.
        before: Bytes before the header.
        in_stream: Whether it lies in a stream, and not in the open.
        shift: By how much the table is wrong about the objects that are not hidden.
    """

    number: int = 5000
    content: bytes = SCRIPT
    end: bytes = b"\n"
    padding: int = 0
    size: int | None = None
    before: bytes = b""
    in_stream: bool = True
    shift: int = 0

    def write(self) -> bytes:
        """Return the document."""
        hidden = b"\n%d 0 obj %s%s" % (self.number, self.content, self.end)
        data = b"q Q" + b" " * self.padding + (hidden if self.in_stream else b"")
        objects = {
            1: b"<</Type/Catalog/Pages 2 0 R/OpenAction %d 0 R>>" % self.number,
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>/Contents 4 0 R>>",
            4: b"<</Length %d>>stream\n%s\nendstream" % (len(data), data),
        }
        out = bytearray(b"%PDF-1.7\n")
        rows = b""
        for number, body in objects.items():
            rows += b"%010d 00000 n \n" % (len(out) + self.shift)
            out += b"%d 0 obj %s endobj\n" % (number, body)
        if not self.in_stream:
            out += hidden + b"endobj\n"
        place = out.index(hidden) + 1
        table = len(out)
        out += b"xref\n0 5\n0000000000 65535 f \n%s" % rows
        out += b"%d 1\n%010d 00000 n \n" % (self.number, place)
        out += b"trailer<</Size %d/Root 1 0 R>>\n" % (self.size or self.number + 1)
        return self.before + bytes(out) + b"startxref\n%d\n%%%%EOF\n" % table
