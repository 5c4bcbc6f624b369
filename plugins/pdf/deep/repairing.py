"""Presents files that qpdf cannot open as files that it can.

qpdf decodes no Brotli (ISO/TS 32014), and finds no object at offset 0, where the first one
stands if the header is missing. Readers open both. What they take from such a file is appended
in plain form, with a table of its own, so that the same walk sees it.
"""

from collections.abc import Iterator
from mmap import mmap
from typing import Final

from pdfsluice.plugins.pdf.streaming.object_stream import Collector, ObjectStream
from pdfsluice.plugins.pdf.syntax.decoding import Decoder
from pdfsluice.plugins.pdf.syntax.effort import Allowance, Effort
from pdfsluice.plugins.pdf.syntax.observer import Observer, PlainObjects, Sink
from pdfsluice.plugins.pdf.syntax.search import make_finders
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Name, Reference, Value
from pdfsluice.plugins.pdf.syntax.walker import Walker
from pdfsluice.plugins.pdf.syntax.writing import CutValueError, write_value
from pdfsluice.plugins.pdf.vocabulary import READ_DIFFERENTLY

from .opening import Source, content_of, open_stream
from .virtual_file import ExtendedFile
from .walk import Opener

MAX_APPENDED: Final = 64 * 1024 * 1024
"""Bytes of all decoded streams together."""
MAX_OBJECTS: Final = 200_000
_PIECE: Final = 1024 * 1024
_HEADER_WITHIN: Final = 1024
"""Bytes in which qpdf looks for the header, from which it counts."""
_BROTLI: Final = frozenset({b"BrotliDecode", b"Br"})
_DECODED_ENTRIES: Final = frozenset({b"Filter", b"DecodeParms", b"DP", b"Length", b"F"})
"""Entries of a stream's dictionary that do not hold for its decoded data (table 5)."""


class NotRepairableError(Exception):
    """It is not certain what a reader would take from the file."""


def repaired_opener(source: Source) -> Opener | None:
    """Return how to open a file that qpdf cannot open as it is, or ``None``.

    A file that leaves readers a choice is not repaired: one with an object that is defined
    twice, with several catalogues, with broken syntax, or with a part that cannot be read.

    Args:
        source: The file.
    """
    content = content_of(source)
    try:
        appended = _appended(content)
    except (NotRepairableError, CutValueError, ValueError, OverflowError, RecursionError):
        return None
    return lambda: open_stream(ExtendedFile(content, appended))


def _appended(content: bytes | mmap) -> bytes:
    parts = _Parts()
    walker = Walker(parts, make_finders(fast=False), parts.effort)
    view = memoryview(content)
    try:
        for start in range(0, len(content), _PIECE):
            with view[start : start + _PIECE] as piece:
                walker.feed(piece)
    finally:
        view.release()
    walker.finish()
    return parts.appended(content)


class _All(set[int]):
    """Every number: all objects are read closely."""

    def __contains__(self, _: object) -> bool:
        return True


class _Parts(Observer):
    """The places of a file's objects, and the data that qpdf cannot decode."""

    def __init__(self) -> None:
        self.wanted = _All()
        self.effort = Effort(Allowance())
        self._decoder = Decoder(set(), self.effort)
        self._offsets: dict[int, int] = {}
        self._values: dict[int, bytes] = {}
        self._containers: list[tuple[int, Dictionary, bytes]] = []
        self._encoded: list[tuple[int, Dictionary, bytes]] = []
        self._roots: set[Reference] = set()
        self._catalogues: set[int] = set()
        self._info: Value = None
        self._collected = 0

    def header(self, number: int, offset: int, lead: int) -> None:
        """Remember where an object begins."""
        del lead
        self._remember(number, offset)

    def plain(self, batch: PlainObjects) -> None:
        """Remember where objects begin."""
        for number, offset in zip(batch.numbers, batch.offsets, strict=True):
            self._remember(number, offset)

    def object(self, number: int, offset: int, value: Value) -> None:
        """Remember what may be a filter, and the catalogue."""
        if isinstance(value, (Name, list)) or _may_decode(value):
            self._decoder.learn(number, value)
        if isinstance(value, Dictionary) and b"Catalog" in value.names(b"Type"):
            self._catalogues.add(number)
        if offset == 0:
            self._values[number] = write_value(value)

    def stream(self, number: int, offset: int, dictionary: Dictionary) -> Sink | None:
        """Collect the data of a stream that qpdf cannot decode, and of object streams."""
        types = dictionary.names(b"Type")
        if b"XRef" in types:
            self._offsets.pop(number, None)
            self.trailer(offset, dictionary)
            return None
        if b"ObjStm" in types or (not types and b"First" in dictionary and b"N" in dictionary):
            self._offsets.pop(number, None)
            return self._collector(self._containers, number, dictionary)
        if offset == 0 or not _BROTLI.isdisjoint(_filters(dictionary)):
            self._values.pop(number, None)
            return self._collector(self._encoded, number, dictionary)
        return None

    def trailer(self, offset: int, dictionary: Dictionary) -> None:
        """Remember the catalogue that a trailer names."""
        del offset
        if any(each is not None for each in dictionary.every(b"Encrypt")):
            raise NotRepairableError
        for root in dictionary.every(b"Root"):
            if not isinstance(root, Reference):
                raise NotRepairableError
            self._roots.add(root)
        self._info = dictionary.get(b"Info") or self._info

    def problem(self, code: str, offset: int, number: int | None) -> None:
        """Give up if readers differ about what an object is."""
        del offset, number
        if code in READ_DIFFERENTLY:
            raise NotRepairableError

    def skipped(self, start: int, stop: int) -> None:
        """Give up: a part was not read."""
        del start, stop
        raise NotRepairableError

    def appended(self, content: bytes | mmap) -> bytes:
        """Return what stands after the content: decoded objects, table and trailer."""
        for _, dictionary, raw in self._containers:
            self._unpack(dictionary, raw)
        roots = {root.number for root in self._roots} or self._catalogues
        if len(roots) != 1:
            raise NotRepairableError
        shift = max(0, content[:_HEADER_WITHIN].find(b"%PDF-"))
        out = bytearray(b"\n")
        offsets = {number: offset - shift for number, offset in self._offsets.items()}
        for number, body in self._bodies():
            offsets[number] = len(content) - shift + len(out)
            out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
            if len(out) > MAX_APPENDED:
                raise NotRepairableError
        table = len(content) - shift + len(out)
        out += b"xref\n0 1\n0000000000 65535 f \n"
        out += b"".join(b"%d 1\n%010d 00000 n \n" % each for each in sorted(offsets.items()))
        entries: list[tuple[bytes, Value]] = [
            (b"Size", max(offsets) + 1),
            (b"Root", Reference(min(roots), 0)),
            (b"Info", self._info),
        ]
        out += b"trailer\n%b\nstartxref\n%d\n%%%%EOF\n" % (
            write_value(Dictionary(entries)),
            table,
        )
        return bytes(out)

    def _remember(self, number: int, offset: int) -> None:
        if number in self._offsets or len(self._offsets) >= MAX_OBJECTS:
            raise NotRepairableError
        self._offsets[number] = offset

    def _collector(
        self, into: list[tuple[int, Dictionary, bytes]], number: int, dictionary: Dictionary
    ) -> Sink:
        def done(raw: bytes, whole: bool) -> None:  # noqa: FBT001 - as Collector calls it
            self._collected += len(raw)
            if not whole:
                raise NotRepairableError
            into.append((number, dictionary, raw))

        return Collector(max(0, MAX_APPENDED - self._collected), done)

    def _unpack(self, dictionary: Dictionary, raw: bytes) -> None:
        objects = ObjectStream(
            self._decoder.decode(raw, dictionary, MAX_APPENDED, len(raw), drop_padding=True),
            dictionary.get(b"First"),
        )
        if not objects.whole or not objects.valid or objects.problem:
            raise NotRepairableError
        for index in range(len(objects.numbers)):
            inner, body = objects.body(index)
            if inner is None or inner in self._values or inner in self._offsets:
                raise NotRepairableError
            self._values[inner] = body
            if b"Catalog" in body:
                self._catalogues.add(inner)

    def _bodies(self) -> Iterator[tuple[int, bytes]]:
        yield from self._values.items()
        for number, dictionary, raw in self._encoded:
            decoded = self._decoder.decode(raw, dictionary, MAX_APPENDED, len(raw))
            if decoded.problem:
                raise NotRepairableError
            entries = [each for each in dictionary.entries if each[0] not in _DECODED_ENTRIES]
            whole = Dictionary([*entries, (b"Length", len(decoded.data))])
            yield number, b"%b\nstream\n%b\nendstream" % (write_value(whole), decoded.data)


def _may_decode(value: Value) -> bool:
    """Return whether a value may be the parameters of a filter."""
    return isinstance(value, Dictionary) and (b"Predictor" in value or b"EarlyChange" in value)


def _filters(dictionary: Dictionary) -> set[bytes]:
    """Return the names of the filters that a dictionary itself gives."""
    value = dictionary.get(b"Filter")
    names = value if isinstance(value, list) else [value]
    return {name.text for name in names if isinstance(name, Name)}
