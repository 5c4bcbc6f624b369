"""Reads cross-reference tables as they come in (ISO 32000-2, 7.5.4)."""

from collections.abc import Generator
from typing import Final

from .effort import Effort
from .grammar import XREF_ROW, XREF_ROWS
from .observer import XrefSection
from .source import Source

MAX_XREF_ENTRIES: Final = 300_000
_ROW_SIZE: Final = 20
_MAX_INTEGER: Final = (1 << 62) - 1
_ROW: Final = 512  # no row of a cross-reference table is longer


def read_xref_table(
    source: Source, effort: Effort, offset: int, lead: int
) -> Generator[None, None, tuple[XrefSection, bool]]:
    """Read the rows after the word ``xref``; yield whenever more bytes are needed.

    Args:
        source: Its position is after the word, and after the rows at the end.
        effort: Counts rows that do not keep to the standard's form.
        offset: Where the word begins.
        lead: Bytes of white space before it.

    Returns:
        The section, and whether each part has as many rows as it declares.
    """
    section = XrefSection(offset, lead)
    number = end = 0
    while True:
        if source.available < _ROW:
            yield from source.need(_ROW)
        if number < end and (rows := XREF_ROWS.match(source.data, source.pos)) is not None:
            count = min(end - number, len(rows[1]) // _ROW_SIZE)
            source.pos = rows.start(1) + count * _ROW_SIZE
            words = rows[1][: count * _ROW_SIZE].split()
            _take_rows(section, number, words[::3], words[2::3])
            number += count
            continue
        match = XREF_ROW.match(source.data, source.pos)
        if match is None or (match[3] is None and number != end):
            break
        effort.spend(1)
        if effort.exhausted(source.offset):
            section.cut = True
            return section, True
        source.pos = match.end()
        if match[3] is None:
            number = int(match[1])
            end = number + int(match[2])
        else:
            _take_rows(section, number, [match[1]], [match[3]])
            number += 1
    return section, number == end


def _take_rows(section: XrefSection, first: int, offsets: list[bytes], kinds: list[bytes]) -> None:
    """Add rows of a cross-reference table to a section, up to a limit."""
    for number, (offset, kind) in enumerate(zip(offsets, kinds, strict=True), first):
        if len(section.numbers) + len(section.freed) >= MAX_XREF_ENTRIES:
            section.cut = True
            return
        if kind == b"n":
            section.numbers.append(min(number, _MAX_INTEGER))
            section.offsets.append(min(int(offset), _MAX_INTEGER))
        else:
            section.freed.append(min(number, _MAX_INTEGER))
