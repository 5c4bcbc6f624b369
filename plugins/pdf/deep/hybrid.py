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
from pdfsluice.plugins.pdf.syntax.values import Dictionary
from pdfsluice.plugins.pdf.syntax.xref_table import MAX_XREF_ENTRIES

from .opening import Source, content_of

MAX_SECTIONS: Final = 100
_HEADER_WITHIN: Final = 1024
_MAX_STREAM: Final = 4 * 1024 * 1024


def _spelled(name: bytes) -> bytes:
    """Return an expression for a name, each byte of which may be escaped."""
    return b"".join(b"(?:%c|#%02x|#%02X)" % (byte, byte, byte) for byte in name)


_ENTRY: Final = re.compile(
    rb"/" + _spelled(b"XRefStm") + rb"(?:[\x00\t\n\f\r ]|%[^\r\n]*[\r\n])+\+?(\d{1,15})"
)


def hides_objects(source: Source, pdf: Pdf) -> bool:
    """Whether a hybrid part of a file lists objects that qpdf does not know.

    Args:
        source: The file.
        pdf: The open file.
    """
    content = content_of(source)
    matches = list(islice(_ENTRY.finditer(content), MAX_SECTIONS + 1))
    if not matches:
        return False
    listed = {number for number, _ in pdf.get_xref_table()}
    return len(matches) > MAX_SECTIONS or any(
        not _lists_only(content, int(match[1]), listed) for match in matches
    )


def _lists_only(content: bytes | mmap, place: int, listed: Collection[int]) -> bool:
    numbers = _numbers_at(content, place)
    return numbers is not None and all(number in listed for number in numbers)


def _numbers_at(content: bytes | mmap, place: int) -> Sequence[int] | None:
    """Return the objects that a cross-reference stream lists; ``None`` if unknown."""
    shift = max(0, content[:_HEADER_WITHIN].find(b"%PDF-"))
    data = bytes(content[place + shift : place + shift + _MAX_STREAM])
    header = HEADER.match(data)
    if header is None:
        return None
    source = Bytes(data, ended=True)
    source.pos = header.end()
    effort = Effort(Allowance())
    dictionary = _value_of(ObjectParser(source, effort, 0))
    line = STREAM_EOL.match(data, source.pos)
    if not isinstance(dictionary, Dictionary) or line is None:
        return None
    length = dictionary.get(b"Length")
    if not isinstance(length, int) or length < 0:
        return None
    raw = data[line.end() : line.end() + length]
    decoded = Decoder(set(), effort).decode(raw, dictionary, _MAX_STREAM, len(content))
    section = XrefSection(place)
    read_xref_stream(section, dictionary, decoded.data, MAX_XREF_ENTRIES)
    if decoded.problem or section.cut:
        return None
    return [*section.numbers, *section.compressed]


def _value_of(parser: ObjectParser) -> object:
    steps = parser.run()
    try:
        next(steps)
    except StopIteration as stop:
        parsed: Parsed = stop.value
        return parsed.value if parsed.end == b"stream" else None
    return None
