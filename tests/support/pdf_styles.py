"""Writes PDFs in one style or another: tokens, filters and lengths follow it."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.pdf_encoding import ENCODERS, predict

Objects = dict[int, Any]
CATALOG = 1


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
        """Encode data with the filters of the style, and name them in the dictionary."""
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
