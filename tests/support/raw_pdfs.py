"""Writes PDFs from objects in raw bytes, and hides their content in many ways."""

import io
import re
import zlib
from collections.abc import Callable, Mapping

import brotli
from pikepdf import Encryption, Pdf

Objects = Mapping[int, bytes]
SCRIPT = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"
_SIZE = 100


def document(
    objects: Objects,
    *,
    trailer: bytes = b"",
    header: bytes = b"%PDF-1.7\n",
    tail: bytes = b"",
) -> bytes:
    """Write objects with a classic table; object 1 is the catalogue."""
    out = bytearray(header)
    places: dict[int, int] = {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    size = max(objects) + 1
    rows = [b"0000000000 65535 f \n"]
    rows += [
        b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
        for number in range(1, size)
    ]
    out += b"xref\n0 %d\n%s" % (size, b"".join(rows))
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, table)
    return bytes(out) + tail


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """Write a stream with a direct length."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def one_page(
    catalogue: bytes = b"", page: bytes = b"", more: Mapping[int, bytes] | None = None
) -> dict[int, bytes]:
    """Return a document of one page, with entries and objects added."""
    return {
        1: b"<</Type/Catalog/Pages 2 0 R%s>>" % catalogue,
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]%s>>" % page,
        **(more or {}),
    }


def packed(
    objects: Objects, encode: Callable[[bytes], bytes], filters: bytes, padding: bytes = b""
) -> bytes:
    """Write all objects that are no streams into one object stream.

    Args:
        encode: Encodes its data.
        filters: The entries that name the encoding.
        padding: Stands between the objects.
    """
    inner = {n: body for n, body in objects.items() if not body.endswith(b"endstream")}
    outer = {n: body for n, body in objects.items() if n not in inner}
    pairs, bodies = b"", b""
    for number, body in inner.items():
        bodies += padding
        pairs += b"%d %d " % (number, len(bodies))
        bodies += body + b" "
    container = stream(
        encode(pairs + bodies),
        b"/Type/ObjStm/N %d/First %d%s" % (len(inner), len(pairs), filters),
    )
    return _with_xref_stream({**outer, _SIZE: container}, dict.fromkeys(inner, _SIZE))


def _with_xref_stream(objects: Objects, compressed: Mapping[int, int]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    rows = dict.fromkeys(range(_SIZE + 2), bytes(7))
    for number, body in objects.items():
        rows[number] = b"\1" + len(out).to_bytes(4, "big") + b"\0\0"
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    for index, (number, container) in enumerate(compressed.items()):
        rows[number] = b"\2" + container.to_bytes(4, "big") + index.to_bytes(2, "big")
    place = len(out)
    rows[_SIZE + 1] = b"\1" + place.to_bytes(4, "big") + b"\0\0"
    table = stream(
        zlib.compress(b"".join(rows[number] for number in sorted(rows))),
        b"/Type/XRef/W[1 4 2]/Filter/FlateDecode/Root 1 0 R/Size %d" % (_SIZE + 2),
    )
    out += b"%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (_SIZE + 1, table, place)
    return bytes(out)


def _escaped(objects: Objects) -> bytes:
    def escape(match: re.Match[bytes]) -> bytes:
        return b"/" + b"".join(b"#%02x" % byte for byte in match[1])

    names = re.compile(rb"/(JavaScript|JS|OpenAction|Launch|AA|URI|GoToR|XFA|S)(?=[ /(<\[\d])")
    return document({n: names.sub(escape, body) for n, body in objects.items()})


def _updated(objects: Objects) -> bytes:
    """Write a harmless document first, then the objects as an incremental update."""
    first = document(one_page())
    out = bytearray(first)
    rows = b""
    for number, body in objects.items():
        rows += b"%d 1\n%010d 00000 n \n" % (number, len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    previous = int(first.rsplit(b"startxref\n", 1)[1].split()[0])
    out += b"xref\n%strailer\n<</Size 100/Root 1 0 R/Prev %d>>\n" % (rows, previous)
    return bytes(out) + b"startxref\n%d\n%%%%EOF\n" % table


def hybrid(objects: Objects, free: bytes = b"0000000000 65535 f \n") -> bytes:
    """Hide all objects but the page tree in a stream that a hybrid part names."""
    inner = {n: b for n, b in objects.items() if n > 3 and not b.endswith(b"endstream")}
    outer = {n: b for n, b in objects.items() if n not in inner}
    pairs, bodies = b"", b""
    for number, body in inner.items():
        pairs += b"%d %d " % (number, len(bodies))
        bodies += body + b" "
    entries = b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode" % (len(inner), len(pairs))
    outer[50] = stream(zlib.compress(pairs + bodies), entries)
    out = bytearray(b"%PDF-1.5\n")
    places: dict[int, int] = {}
    for number, body in outer.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    place = len(out)
    numbers = sorted(inner)
    rows = b"".join(
        b"\2" + (50).to_bytes(4, "big") + index.to_bytes(2, "big") for index in range(len(inner))
    )
    index = b"".join(b"%d 1 " % number for number in numbers)
    xref = stream(rows, b"/Type/XRef/Size 52/W[1 4 2]/Root 1 0 R/Index[%s]" % index)
    out += b"51 0 obj\n%s\nendobj\n" % xref
    table = len(out)
    out += b"xref\n0 52\n0000000000 65535 f \n"
    for number in range(1, 52):
        known = place if number == 51 else places.get(number)
        out += free if known is None else b"%010d 00000 n \n" % known
    out += b"trailer\n<</Size 52/Root 1 0 R/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n" % (place, table)
    return bytes(out)


def _in_trailer(objects: Objects) -> bytes:
    """Write no object at all: everything stands in the trailer, one thing in another."""
    whole = objects[1]
    for _ in range(8):
        whole = re.sub(
            rb"(?<!/Parent )\b(\d+) 0 R",
            lambda match: objects.get(int(match[1]), match[0]),
            re.sub(rb"/Parent \d+ 0 R", b"", whole),
        )
    return b"%PDF-1.\n1 0 obj<<>>\ntrailer<</Root" + whole + b">>\n"


def _without_ends(objects: Objects) -> bytes:
    out = b"%PDF-1.\n"
    for number, body in objects.items():
        out += b"%d 0 obj%s\n" % (number, body)
    return out + b"trailer<</Root 1 0 R>>"


def _saved(**options: object) -> Callable[[Objects], bytes]:
    def save(objects: Objects) -> bytes:
        result = io.BytesIO()
        with Pdf.open(io.BytesIO(document(objects))) as pdf:
            pdf.save(result, **options)  # type: ignore[arg-type]  # as pikepdf names them
        return result.getvalue()

    return save


def _many_flates(data: bytes) -> bytes:
    for _ in range(20):
        data = zlib.compress(data)
    return data


DELIVERIES: dict[str, Callable[[Objects], bytes]] = {
    "plain": document,
    "escaped names": _escaped,
    "object stream": lambda o: packed(o, zlib.compress, b"/Filter/FlateDecode"),
    "Brotli": lambda o: packed(o, brotli.compress, b"/Filter/BrotliDecode"),
    "Brotli in Flate": lambda o: packed(
        o, lambda data: zlib.compress(brotli.compress(data)), b"/Filter[/FlateDecode/BrotliDecode]"
    ),
    "20 filters": lambda o: packed(o, _many_flates, b"/Filter[" + b"/FlateDecode" * 20 + b"]"),
    "padding": lambda o: packed(o, zlib.compress, b"/Filter/FlateDecode", b" \n\0\t" * 2_000_000),
    "incremental update": _updated,
    "hybrid": hybrid,
    "in the trailer": _in_trailer,
    "without ends": _without_ends,
    "header in the middle": lambda o: document(o, header=b"x" * 700 + b"\n%PDF-1.4\n"),
    "no header": lambda o: document(o, header=b""),
    "linearised": _saved(linearize=True),
    "empty password": _saved(encryption=Encryption(owner="o", user="", R=6)),
    "old empty password": _saved(
        encryption=Encryption(owner="o", user="", R=3, aes=False, metadata=False)
    ),
}
"""Ways to write a document so that what it does is hard to see."""
