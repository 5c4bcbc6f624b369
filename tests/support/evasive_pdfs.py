"""Small PDFs with one kind of active content each, written in the ways that hide it.

``KINDS`` builds the content, ``TECHNIQUES`` writes it down; every pair is a cell of the table
in ``docs/explanation/scanning.md``.
"""

import base64
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Objects = dict[int, Any]


class Name(str):
    """A name object."""

    __slots__ = ()


@dataclass(frozen=True)
class Ref:
    """A reference to an object."""

    number: int


@dataclass(frozen=True)
class Raw:
    """Bytes written as they are."""

    data: bytes


@dataclass(frozen=True)
class Pairs:
    """A dictionary whose keys may repeat."""

    items: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Stream:
    """A stream; its data is encoded by the filters that its dictionary names."""

    dictionary: Mapping[str, Any]
    data: bytes


# Content, one kind each.

CATALOG, PAGES, PAGE, EXTRA = 1, 2, 3, 6


def _base() -> Objects:
    return {
        CATALOG: {"Type": Name("Catalog"), "Pages": Ref(PAGES)},
        PAGES: {"Type": Name("Pages"), "Kids": [Ref(PAGE)], "Count": 1},
        PAGE: {
            "Type": Name("Page"),
            "Parent": Ref(PAGES),
            "MediaBox": [0, 0, 612, 792],
            "Resources": {"Font": {"F1": Ref(5)}},
            "Contents": Ref(4),
        },
        4: Stream({}, b"BT /F1 24 Tf 72 720 Td (Potato) Tj ET"),
        5: {"Type": Name("Font"), "Subtype": Name("Type1"), "BaseFont": Name("Helvetica")},
    }


def _action(**entries: Any) -> Callable[[], Objects]:
    def build() -> Objects:
        objects = _base()
        objects[PAGE]["Annots"] = [Ref(EXTRA)]
        objects[EXTRA] = {
            "Type": Name("Annot"),
            "Subtype": Name("Link"),
            "Rect": [0, 0, 99, 99],
            "A": Ref(7),
        }
        objects[7] = entries
        return objects

    return build


def _javascript() -> Objects:
    objects = _base()
    objects[CATALOG]["Names"] = {"JavaScript": Ref(EXTRA)}
    objects[EXTRA] = {"Names": [b"start", Ref(7)]}
    objects[7] = {"S": Name("JavaScript"), "JS": b"app.alert('hello (world)')"}
    return objects


def _open_action() -> Objects:
    objects = _base()
    objects[CATALOG]["OpenAction"] = Ref(EXTRA)
    objects[EXTRA] = {"S": Name("GoTo"), "D": [Ref(PAGE), Name("Fit")]}
    return objects


def _additional_actions() -> Objects:
    objects = _base()
    objects[PAGE]["AA"] = {"O": Ref(EXTRA)}
    objects[EXTRA] = {"S": Name("GoTo"), "D": [Ref(PAGE), Name("Fit")]}
    return objects


def _embedded_files() -> Objects:
    objects = _base()
    objects[CATALOG]["Names"] = {"EmbeddedFiles": {"Names": [b"a.txt", Ref(EXTRA)]}}
    objects[EXTRA] = {"Type": Name("Filespec"), "F": b"a.txt", "EF": {"F": Ref(7)}}
    objects[7] = Stream({"Type": Name("EmbeddedFile")}, b"attached")
    return objects


def _forms_acroform() -> Objects:
    objects = _base()
    objects[CATALOG]["AcroForm"] = Ref(EXTRA)
    objects[EXTRA] = {"Fields": [Ref(7)]}
    objects[7] = {"FT": Name("Tx"), "T": b"name", "Subtype": Name("Widget"), "Rect": [0, 0, 9, 9]}
    return objects


def _forms_xfa() -> Objects:
    objects = _base()
    objects[CATALOG]["AcroForm"] = {"Fields": [], "XFA": Ref(EXTRA)}
    objects[EXTRA] = Stream({}, b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'></xdp:xdp>")
    return objects


def _rich_media() -> Objects:
    objects = _base()
    objects[PAGE]["Annots"] = [Ref(EXTRA)]
    objects[EXTRA] = {"Type": Name("Annot"), "Subtype": Name("RichMedia"), "Rect": [0, 0, 9, 9]}
    return objects


KINDS: dict[str, Callable[[], Objects]] = {
    "javascript": _javascript,
    "open_action": _open_action,
    "additional_actions": _additional_actions,
    "launch": _action(S=Name("Launch"), F=b"cmd.exe"),
    "embedded_files": _embedded_files,
    "forms_acroform": _forms_acroform,
    "forms_xfa": _forms_xfa,
    "external_references_uri": _action(S=Name("URI"), URI=b"https://example.com/"),
    "submit_form": _action(S=Name("SubmitForm"), F=b"https://example.com/form"),
    "goto_remote": _action(S=Name("GoToR"), F=b"other.pdf", D=[0, Name("Fit")]),
    "import_data": _action(S=Name("ImportData"), F=b"data.fdf"),
    "rich_media": _rich_media,
}

# Ways of writing tokens.


def plain_name(name: str) -> bytes:
    """Write a name without escapes."""
    return b"/" + name.encode()


def escaped_name(name: str) -> bytes:
    """Write every second byte of a name as an escape."""
    return b"/" + b"".join(b"#%02x" % ord(c) if i % 2 else c.encode() for i, c in enumerate(name))


def fully_escaped_name(name: str) -> bytes:
    """Write every byte of a name as an escape, in upper case."""
    return b"/" + b"".join(b"#%02X" % ord(c) for c in name)


def literal(data: bytes) -> bytes:
    """Write a literal string."""
    for char in (b"\\", b"(", b")"):
        data = data.replace(char, b"\\" + char)
    return b"(" + data + b")"


def hexadecimal(data: bytes) -> bytes:
    """Write a hexadecimal string, with white space in it."""
    digits = data.hex()
    return b"<" + " \n".join(digits[i : i + 7] for i in range(0, len(digits), 7)).encode() + b">"


def octal(data: bytes) -> bytes:
    """Write a string of octal escapes."""
    return b"(" + b"".join(b"\\%03o" % byte for byte in data) + b")"


def utf16(data: bytes) -> bytes:
    """Write a text string as UTF-16."""
    return literal(b"\xfe\xff" + data.decode("latin-1").encode("utf-16-be"))


def misleading(data: bytes) -> bytes:
    """Write a string that contains words which end objects and streams."""
    return (
        b"("
        + b"endobj endstream ) > >> ".replace(b")", b"\\)")
        + b"(stream)\\\n"
        + literal(data)
        + b")"
    )


# Filters.


def encode_lzw(data: bytes) -> bytes:
    """Encode with LZW, early change."""
    table = {bytes([i]): i for i in range(256)}
    bits, count, width = 256, 9, 9
    word = b""

    def put(code: int) -> None:
        nonlocal bits, count
        bits = (bits << width) | code
        count += width

    for i in range(len(data)):
        char = data[i : i + 1]
        if word + char in table:
            word += char
            continue
        put(table[word])
        if len(table) + 2 < 4094:
            table[word + char] = len(table) + 2
            if len(table) + 2 + 0 >= (1 << width) - 0 and width < 12:
                width += 1
        word = char
    if word:
        put(table[word])
        if len(table) + 3 >= (1 << width) and width < 12:
            width += 1
    put(257)
    padding = -count % 8
    return (bits << padding).to_bytes((count + padding) // 8, "big")


def encode_run_length(data: bytes) -> bytes:
    """Encode as runs of at most 100 bytes."""
    result = b""
    for i in range(0, len(data), 100):
        piece = data[i : i + 100]
        result += bytes([len(piece) - 1]) + piece
    return result + b"\x80"


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "FlateDecode": zlib.compress,
    "Fl": zlib.compress,
    "LZWDecode": encode_lzw,
    "ASCIIHexDecode": lambda data: data.hex().encode() + b">",
    "AHx": lambda data: data.hex().upper().encode() + b">",
    "ASCII85Decode": lambda data: base64.a85encode(data, wrapcol=60) + b"~>",
    "A85": lambda data: base64.a85encode(data) + b"~>",
    "RunLengthDecode": encode_run_length,
    "Crypt": lambda data: data,
}


def predict(data: bytes, kind: int, columns: int) -> bytes:
    """Apply a PNG predictor (0 to 4) or the TIFF predictor (kind 5)."""
    rows = [data[i : i + columns].ljust(columns) for i in range(0, len(data), columns)]
    above = bytes(columns)
    result = b""
    for row in rows:
        left = b"\0" + row[:-1]
        corner = b"\0" + above[:-1]
        base = {
            0: bytes(columns),
            1: left,
            2: above,
            3: bytes((a + b) // 2 for a, b in zip(left, above, strict=True)),
            4: bytes(map(_paeth, left, above, corner)),
            5: left,
        }[kind]
        line = bytes((a - b) & 255 for a, b in zip(row, base, strict=True))
        result += line if kind == 5 else bytes([kind]) + line
        above = row
    return result


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))


# Writing.


@dataclass(frozen=True)
class Style:
    """How a document is written down."""

    name: Callable[[str], bytes] = plain_name
    string: Callable[[bytes], bytes] = literal
    space: bytes = b" "
    header: bytes = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    layout: str = "table"
    filters: tuple[str | None, ...] = ()
    predictor: int | None = None
    indirect_filter: str = ""
    length: str = "right"
    object_end: bytes = b"endobj\n"
    stream_end: bytes = b"\nendstream\n"
    stream_start: bytes = b"stream\n"
    first_entries: Mapping[str, Any] = field(default_factory=dict)
    number_space: bytes = b" "
    extra: tuple[tuple[int, Any], ...] = ()
    order: str = "ascending"
    trailer: Mapping[str, Any] = field(default_factory=dict)
    tail: bytes = b""


class Writer:
    """Writes the objects of a document in one style."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.out = bytearray()
        self.places: dict[int, int] = {}
        self.later: Objects = {}
        self.inner: dict[int, tuple[int, int]] = {}

    def value(self, value: Any) -> bytes:  # noqa: PLR0911 - one for each type
        """Write one value."""
        style = self.style
        space = style.space
        if isinstance(value, Raw):
            return value.data
        if isinstance(value, Name):
            return style.name(value)
        if isinstance(value, Ref):
            return space.join([b"%d" % value.number, b"0", b"R"])
        if isinstance(value, bytes):
            return style.string(value)
        if isinstance(value, Mapping):
            value = Pairs(tuple(value.items()))
        if isinstance(value, Pairs):
            items = [self.value(Name(k)) + space + self.value(v) for k, v in value.items]
            return b"<<" + space + space.join(items) + space + b">>"
        if isinstance(value, list):
            return b"[" + space + space.join(map(self.value, value)) + space + b"]"
        if value is None:
            return b"null"
        return str(value).encode()

    def object(self, number: int, value: Any) -> None:
        """Write one object."""
        style = self.style
        self.places[number] = len(self.out)
        gap = style.number_space
        self.out += b"%d" % number + gap + b"0" + gap + b"obj" + style.space
        if isinstance(value, Stream):
            self.stream(value)
        else:
            self.out += self.value(value)
        self.out += b"\n" + style.object_end

    def stream(self, stream: Stream) -> None:
        """Write the dictionary and the data of a stream."""
        style = self.style
        data = stream.data
        lengths: dict[str, Any] = {
            "right": len(data),
            "zero": 0,
            "short": max(0, len(data) - 5),
            "long": len(data) + 700,
            "huge": 1 << 40,
            "indirect": Ref(90),
            "negative": -1,
        }
        entries = {**style.first_entries, **stream.dictionary}
        if style.length != "missing":
            entries["Length"] = lengths[style.length]
        self.out += self.value(entries) + style.space + style.stream_start + data
        self.out += style.stream_end.rstrip(b"\n") if not style.object_end else style.stream_end

    def object_stream(self, number: int, objects: Objects) -> None:
        """Write objects into an object stream, with the filters of the style."""
        bodies = [self.value(value) + b"\n" for value in objects.values()]
        offset = 0
        pairs = b""
        for key, body in zip(objects, bodies, strict=True):
            pairs += b"%d %d " % (key, offset)
            offset += len(body)
        data = pairs + b"".join(bodies)
        self.object(
            number, self.encoded(data, Type=Name("ObjStm"), N=len(bodies), First=len(pairs))
        )

    def encoded(self, data: bytes, **entries: Any) -> Stream:
        """Encode data with the filters of the style, and say so in the dictionary."""
        style = self.style
        names = [name for name in style.filters if name is not None]
        parameters: Any = None
        if style.predictor is not None:
            tiff = style.predictor == 5
            columns = 7
            data = predict(data, style.predictor, columns)
            parameters = {"Predictor": 2 if tiff else 12, "Columns": columns}
        for name in reversed(names):
            data = ENCODERS[name](data)
        filters: Any = [Name(name) if name else None for name in style.filters]
        if len(filters) == 1:
            filters = filters[0]
        if filters:
            entries["Filter"] = filters
        if parameters is not None:
            last = len(style.filters) - 1
            if isinstance(filters, list):
                parameters = [None] * last + [parameters]
            entries["DecodeParms"] = parameters
        if style.indirect_filter:
            for index, key in enumerate(("Filter", "DecodeParms")):
                if key in entries:
                    self.later[91 + index] = entries[key]
                    entries[key] = Ref(91 + index)
        return Stream(entries, data)

    def document(self, objects: Objects) -> bytes:
        """Write a whole document."""
        style = self.style
        self.out += style.header
        streams = {n: v for n, v in objects.items() if isinstance(v, Stream)}
        others = {n: v for n, v in objects.items() if not isinstance(v, Stream)}
        if style.length == "indirect":
            self.later[90] = 37
        if style.layout in ("objstm", "hybrid"):
            self.compressed(streams, others)
        else:
            ordered = sorted(objects, reverse=style.order == "descending")
            for number in ordered:
                self.object(number, objects[number])
        for number, value in [*style.extra, *self.later.items()]:
            self.object(number, value)
        self.cross_references()
        self.out += style.tail
        return bytes(self.out)

    def compressed(self, streams: Objects, others: Objects) -> None:
        """Write what may be in an object stream into one."""
        inner = {n: v for n, v in others.items() if n != CATALOG or self.style.layout == "objstm"}
        for number, value in {
            **streams,
            **{n: others[n] for n in others if n not in inner},
        }.items():
            self.object(number, value)
        before = self.style.indirect_filter == "before"
        if before:
            shadow = Writer(replace(self.style, indirect_filter="x"))
            shadow.encoded(b"")
            for number, value in shadow.later.items():
                self.object(number, value)
        self.object_stream(80, inner)
        if before:
            self.later.clear()
        self.inner = {number: (80, index) for index, number in enumerate(inner)}

    def cross_references(self) -> None:
        """Write a table, a stream, or both."""
        trailer = {"Size": 100, "Root": Ref(CATALOG), **self.style.trailer}
        if self.style.layout in ("objstm", "xrefstm"):
            start = self.xref_stream(trailer)
        else:
            if self.style.layout == "hybrid":
                trailer["XRefStm"] = self.xref_stream(trailer)
                self.places.pop(99)
            start = len(self.out)
            self.out += b"xref\n0 1\n0000000000 65535 f \n"
            for number, place in sorted(self.places.items()):
                self.out += b"%d 1\n%010d 00000 n \n" % (number, place)
            self.out += b"trailer\n" + self.value(trailer) + b"\n"
        self.out += b"startxref\n%d\n%%%%EOF\n" % start

    def xref_stream(self, trailer: Mapping[str, Any]) -> int:
        """Write a cross-reference stream; return where."""
        start = len(self.out)
        self.places[99] = start
        rows = {number: (1, place, 0) for number, place in self.places.items()}
        for number, (container, index) in self.inner.items():
            rows[number] = (2, container, index)
        index_array = [n for number in sorted(rows) for n in (number, 1)]
        data = b"".join(
            bytes([kind]) + place.to_bytes(3, "big") + bytes([last])
            for _, (kind, place, last) in sorted(rows.items())
        )
        entries = {**trailer, "Type": Name("XRef"), "W": [1, 3, 1], "Index": index_array}
        plain = Writer(replace(self.style, length="right"))
        plain.out = self.out
        plain.object(99, Stream({**entries, "Filter": Name("FlateDecode")}, zlib.compress(data)))
        return start


# Techniques.


def _styled(**changes: Any) -> Callable[[Objects], bytes]:
    return lambda objects: Writer(Style(**changes)).document(objects)


def _packed(*filters: str | None, **changes: Any) -> Callable[[Objects], bytes]:
    return _styled(layout="objstm", filters=filters, **changes)


def _updated(objects: Objects) -> bytes:
    """Bring the content in with an incremental update."""
    first = Writer(Style())
    data = first.document(_base())
    update = Writer(Style(header=data, trailer={"Prev": data.rindex(b"xref\n0 1")}))
    return update.document(objects)


def _duplicate_keys(objects: Objects) -> bytes:
    """Give every dictionary harmless values for the same keys as well."""

    def double(value: Any, *, first: bool) -> Any:
        if isinstance(value, dict):
            pairs = [(k, double(v, first=first)) for k, v in value.items()]
            decoys = [(k, None) for k in value if k not in ("Type", "Pages", "Kids")]
            return Pairs(tuple(decoys + pairs if first else pairs + decoys))
        return [double(v, first=first) for v in value] if isinstance(value, list) else value

    return Writer(Style()).document({n: double(v, first=True) for n, v in objects.items()})


def _inside_stream(objects: Objects) -> bytes:
    """Put every object into the data of a stream that nobody refers to."""
    writer = Writer(Style())
    writer.out += Style().header + b"70 0 obj <</Length @@@@@>> stream\n"
    start = len(writer.out)
    for number in objects:
        writer.object(number, objects[number])
    length = len(writer.out) - start
    writer.out += b"\nendstream endobj\n"
    writer.out[:] = writer.out.replace(b"@@@@@", b"%05d" % length)
    writer.cross_references()
    return bytes(writer.out)


def _swallowed(objects: Objects) -> bytes:
    """Let a stream declare a length that covers the objects behind it, up to another stream."""
    writer = Writer(Style())
    writer.out += Style().header + b"70 0 obj <</Length @@@@@>> stream\n"
    start = len(writer.out)
    writer.out += b"x\nendstream endobj\n"
    for number in objects:
        writer.object(number, objects[number])
    writer.out += b"71 0 obj <</Length 1>> stream\ny"
    length = len(writer.out) - start
    writer.out += b"\nendstream endobj\n"
    writer.out[:] = writer.out.replace(b"@@@@@", b"%05d" % length)
    writer.cross_references()
    return bytes(writer.out)


def _types_elsewhere(objects: Objects) -> bytes:
    """Put the names that tell the type of an action into objects of their own."""
    names: Objects = {}

    def move(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: move(v, k) for k, v in value.items()}
        if isinstance(value, Name) and key in ("S", "Subtype"):
            names[30 + len(names)] = value
            return Ref(29 + len(names))
        return value

    moved = {number: move(value) for number, value in objects.items()}
    return Writer(Style()).document({**moved, **names})


def _untyped(objects: Objects) -> bytes:
    """Leave the type of the object stream out."""
    data = _packed("FlateDecode")(objects)
    return data.replace(b"/Type /ObjStm", b"/Tipe /ObjStn")


def _broken_lines(objects: Objects) -> bytes:
    """Put every token on a line of its own, with carriage returns only."""
    return Writer(Style(space=b"\r", number_space=b"\r")).document(objects)


def _scattered(objects: Objects) -> bytes:
    """Put one object stream into another's place for every single object."""
    writer = Writer(Style(layout="objstm", filters=("FlateDecode",)))
    writer.out += Style().header
    for number, value in objects.items():
        if isinstance(value, Stream):
            writer.object(number, value)
        else:
            writer.object_stream(number + 20, {number: value})
            writer.inner[number] = (number + 20, 0)
    writer.cross_references()
    return bytes(writer.out)


TECHNIQUES: dict[str, Callable[[Objects], bytes]] = {
    "nothing hidden": _styled(),
    "escaped names": _styled(name=escaped_name),
    "names escaped throughout": _styled(name=fully_escaped_name),
    "hexadecimal strings": _styled(string=hexadecimal),
    "octal strings": _styled(string=octal),
    "UTF-16 strings": _styled(string=utf16),
    "strings that contain endobj and endstream": _styled(string=misleading),
    "comments between tokens": _styled(space=b"%x >> endobj\n", number_space=b" %y\n"),
    "null bytes as white space": _styled(space=b"\0", number_space=b"\0"),
    "form feeds as white space": _styled(space=b"\f", number_space=b"\f \f"),
    "a line for every token": _broken_lines,
    "no white space at all": _styled(space=b" ", object_end=b"endobj"),
    "long runs of white space": _styled(space=b" " * 700, number_space=b"\n" * 900),
    "objects in descending order": _styled(order="descending"),
    "header behind 900 bytes": _styled(header=b"x" * 900 + b"\n%PDF-1.4\n"),
    "no header": _styled(header=b""),
    "no endobj": _styled(object_end=b""),
    "no endstream": _styled(stream_end=b"\n"),
    "CR behind stream": _styled(stream_start=b"stream\r"),
    "spaces behind stream": _styled(stream_start=b"stream   \r\n"),
    "no Length": _styled(length="missing"),
    "Length of zero": _styled(length="zero"),
    "Length too short": _styled(length="short"),
    "Length too long": _styled(length="long"),
    "Length beyond the end": _styled(length="huge"),
    "negative Length": _styled(length="negative"),
    "indirect Length": _styled(length="indirect"),
    "Length that covers other objects": _swallowed,
    "objects inside a stream": _inside_stream,
    "duplicate keys": _duplicate_keys,
    "incremental update": _updated,
    "cross-reference stream": _styled(layout="xrefstm"),
    "object stream, no filter": _packed(),
    "object stream, Flate": _packed("FlateDecode"),
    "object stream, LZW": _packed("LZWDecode"),
    "object stream, ASCII85": _packed("ASCII85Decode"),
    "object stream, ASCIIHex": _packed("ASCIIHexDecode"),
    "object stream, RunLength": _packed("RunLengthDecode"),
    "object stream, ASCII85 and Flate": _packed("ASCII85Decode", "FlateDecode"),
    "object stream, five filters": _packed(
        "ASCIIHexDecode", "RunLengthDecode", "ASCII85Decode", "LZWDecode", "FlateDecode"
    ),
    "object stream, Flate three times": _packed("FlateDecode", "FlateDecode", "FlateDecode"),
    "object stream, abbreviated filters": _packed("A85", "AHx", "Fl"),
    "object stream, nulls among filters": _packed(None, "ASCIIHexDecode", None, "FlateDecode"),
    "object stream, Crypt Identity": _packed("Crypt", "FlateDecode"),
    "object stream, Flate, PNG Sub": _packed("FlateDecode", predictor=1),
    "object stream, Flate, PNG Up": _packed("FlateDecode", predictor=2),
    "object stream, Flate, PNG Average": _packed("FlateDecode", predictor=3),
    "object stream, Flate, PNG Paeth": _packed("FlateDecode", predictor=4),
    "object stream, Flate, TIFF": _packed("FlateDecode", predictor=5),
    "object stream, LZW, PNG Up": _packed("LZWDecode", predictor=2),
    "object stream, ASCII85, Flate, PNG Up": _packed("ASCII85Decode", "FlateDecode", predictor=2),
    "object stream, escaped filter and type": _packed("FlateDecode", name=escaped_name),
    "object stream, filter named later": _packed("FlateDecode", indirect_filter="after"),
    "object stream, filter named before": _packed("FlateDecode", indirect_filter="before"),
    "object stream, filter and predictor named later": _packed(
        "FlateDecode", predictor=2, indirect_filter="after"
    ),
    "object stream, filter and predictor named before": _packed(
        "FlateDecode", predictor=2, indirect_filter="before"
    ),
    "object stream, LZW named later": _packed("LZWDecode", indirect_filter="after"),
    "object stream, null bytes as white space": _packed("FlateDecode", space=b"\0"),
    "object stream, comments between tokens": _packed("FlateDecode", space=b" %x >>\n"),
    "object stream, no filter, endstream in strings": _packed(string=misleading),
    "object stream, no Length": _packed("FlateDecode", length="missing"),
    "object stream, Length too long": _packed("FlateDecode", length="long"),
    "object stream, Length of zero": _packed("FlateDecode", length="zero"),
    "object stream, indirect Length": _packed("FlateDecode", length="indirect"),
    "object stream, spaces behind stream": _packed("FlateDecode", stream_start=b"stream  \n"),
    "object stream without a type": _untyped,
    "an object stream for every object": _scattered,
    "types of actions in other objects": _types_elsewhere,
    "hybrid-reference file": _styled(layout="hybrid", filters=("FlateDecode",)),
}


def cells() -> Iterator[tuple[str, str]]:
    """Yield every pair of a kind and a technique."""
    return ((kind, technique) for kind in KINDS for technique in TECHNIQUES)


def evasive_pdf(kind: str, technique: str) -> bytes:
    """Write the content of one kind in one way."""
    return TECHNIQUES[technique](KINDS[kind]())


def plain_pdf() -> bytes:
    """Write a document without any active content."""
    return Writer(Style()).document(_base())


def noise(size: int, seed: int = 7) -> bytes:
    """Return random bytes that are the same in every run."""
    return random.Random(seed).randbytes(size)
