"""Recognises hybrid files of which qpdf hides a part (ISO 32000-2, 7.5.8.4).

The table of such a file marks as free what its cross-reference stream lists. qpdf believes the
table; most readers take the object.
"""

import re
from collections.abc import Collection, Sequence
from itertools import islice
from mmap import mmap
from typing import Final

from pikepdf import Pdf

from pdfsluice.plugins.pdf.streaming.cross_references import read_xref_stream
from pdfsluice.plugins.pdf.syntax.decoding import Decoder
from pdfsluice.plugins.pdf.syntax.effort import Allowance, Effort
from pdfsluice.plugins.pdf.syntax.grammar import HEADER, STREAM_EOL
from pdfsluice.plugins.pdf.syntax.observer import XrefSection
from pdfsluice.plugins.pdf.syntax.parser import ObjectParser, Parsed
from pdfsluice.plugins.pdf.syntax.source import Source as Bytes
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Value
from pdfsluice.plugins.pdf.syntax.xref_table import MAX_XREF_ENTRIES

from .opening import Source, content_of

MAX_SECTIONS: Final = 100
_HEADER_WITHIN: Final = 1024
_MAX_STREAM: Final = 4 * 1024 * 1024


def _spelled(name: bytes) -> bytes:
    """Return an expression for a name, each byte of which may be escaped."""
    return b"".join(b"(?:%c|#%02x|#%02X)" % (byte, byte, byte) for byte in name)


_STARTXREF_WITHIN: Final = 1054
_STARTXREF: Final = re.compile(rb"startxref[\x00\t\n\f\r ]{1,64}+(\d{1,15}+)")
_TABLE: Final = re.compile(rb"[\x00\t\n\f\r ]{0,64}+xref[\d\x00\t\n\f\r nf]++trailer")
_MAX_DICTIONARY: Final = 64 * 1024
_ENTRY: Final = re.compile(
    rb"/" + _spelled(b"XRefStm") + rb"(?:[\x00\t\n\f\r ]|%[^\r\n]*[\r\n])+\+?(\d{1,15})"
)


def hides_objects(source: Source, pdf: Pdf) -> bool:
    """Return whether a hybrid part of a file lists objects that qpdf does not know.

    Args:
        source: The file.
        pdf: The open file.
    """
    content = content_of(source)
    offsets = _offsets_in_chain(content)
    if offsets is None:
        offsets = [int(match[1]) for match in islice(_ENTRY.finditer(content), MAX_SECTIONS + 1)]
    if not offsets:
        return False
    listed = {number for number, _ in pdf.get_xref_table()}
    return len(offsets) > MAX_SECTIONS or any(
        not _lists_only(content, offset, listed) for offset in offsets
    )


def _offsets_in_chain(content: bytes | mmap) -> Sequence[int] | None:
    """Return the offsets of hybrid parts in force; ``None`` if that is unclear.

    The sections are followed from the end of the file, as readers follow them. If any step
    fails, readers differ in what they do next, so the caller searches the whole file. A
    search of 256 MiB takes 0.1 s of processor time.
    """
    if content[: len(b"%PDF-")] != b"%PDF-":
        return None  # readers differ in where offsets count from
    tail = max(0, len(content) - _STARTXREF_WITHIN)
    start = _STARTXREF.match(content, max(content.rfind(b"startxref", tail), 0))
    if start is None:
        return None
    offsets: list[int] = []
    position: Value = int(start[1])
    visited: set[int] = set()
    while position is not None:
        if not isinstance(position, int) or position in visited or len(visited) >= MAX_SECTIONS:
            return None
        visited.add(position)
        trailer = _trailer_at(content, position)
        if trailer is None:
            return None
        if (offset := trailer.get(b"XRefStm")) is not None:
            if not isinstance(offset, int):
                return None
            offsets.append(offset)
        position = trailer.get(b"Prev")
    return offsets


def _trailer_at(content: bytes | mmap, position: int) -> Dictionary | None:
    """Return the dictionary of the section at a position; ``None`` if none is there."""
    table = _TABLE.match(content, position)
    begin = position if table is None else table.end()
    data = bytes(content[begin : begin + _MAX_DICTIONARY])
    source = Bytes(data, ended=True)
    if table is None:
        header = HEADER.match(data)
        if header is None:
            return None
        source.pos = header.end()
    ending = b"stream" if table is None else b"startxref"
    value = _value_of(ObjectParser(source, Effort(Allowance()), 0), ending)
    return value if isinstance(value, Dictionary) else None


def _lists_only(content: bytes | mmap, offset: int, listed: Collection[int]) -> bool:
    numbers = _numbers_at(content, offset)
    return numbers is not None and all(number in listed for number in numbers)


def _numbers_at(content: bytes | mmap, offset: int) -> Sequence[int] | None:
    """Return the objects that a cross-reference stream lists; ``None`` if unknown."""
    shift = max(0, content[:_HEADER_WITHIN].find(b"%PDF-"))
    data = bytes(content[offset + shift : offset + shift + _MAX_STREAM])
    header = HEADER.match(data)
    if header is None:
        return None
    source = Bytes(data, ended=True)
    source.pos = header.end()
    effort = Effort(Allowance())
    dictionary = _value_of(ObjectParser(source, effort, 0), b"stream")
    line_end = STREAM_EOL.match(data, source.pos)
    if not isinstance(dictionary, Dictionary) or line_end is None:
        return None
    length = dictionary.get(b"Length")
    if not isinstance(length, int) or length < 0:
        return None
    raw = data[line_end.end() : line_end.end() + length]
    decoded = Decoder(set(), effort).decode(raw, dictionary, _MAX_STREAM, len(content))
    section = XrefSection(offset)
    read_xref_stream(section, dictionary, decoded.data, MAX_XREF_ENTRIES)
    if decoded.problem or section.cut:
        return None
    return [*section.numbers, *section.compressed]


def _value_of(parser: ObjectParser, ending: bytes) -> Value:
    """Return the next value if it is whole and followed by a given word."""
    steps = parser.run()
    try:
        next(steps)
    except StopIteration as stop:
        parsed: Parsed = stop.value
        whole = parsed.end == ending and not parsed.cut and not parsed.problems
        return parsed.value if whole else None
    return None
