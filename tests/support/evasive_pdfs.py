"""Small PDFs with one kind of active content each, written to hide it.

``KINDS`` builds the content, ``TECHNIQUES`` writes it down; every pair is a cell of the table
in ``docs/explanation/scanning.md``.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.pdf_styles import (
    CATALOG,
    Name,
    Objects,
    Pairs,
    Ref,
    Stream,
    Style,
    Writer,
    escaped_name,
    fully_escaped_name,
    hexadecimal,
    misleading,
    octal,
    utf16,
)

PAGES, PAGE, EXTRA = 2, 3, 6


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
    """Put every object into the data of a stream without a reference to it."""
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
    """Let a stream declare a length that covers the objects after it."""
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
    """Put the names that give the type of an action into objects of their own."""
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
    "header after 900 bytes": _styled(header=b"x" * 900 + b"\n%PDF-1.4\n"),
    "no header": _styled(header=b""),
    "no endobj": _styled(object_end=b""),
    "no endstream": _styled(stream_end=b"\n"),
    "CR after stream": _styled(stream_start=b"stream\r"),
    "spaces after stream": _styled(stream_start=b"stream   \r\n"),
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
    "object stream, spaces after stream": _packed("FlateDecode", stream_start=b"stream  \n"),
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
