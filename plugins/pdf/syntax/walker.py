"""Walks through a PDF from its first byte to its last, in pieces of any size.

The walk is one generator that yields whenever it needs more bytes. A decision is taken
only when all bytes that it depends on are in view; that is why the pieces do not matter.
"""

import re
from collections.abc import Generator
from typing import Final

from .body import BodyReader
from .effort import (
    FAST_BYTES,
    LANDMARK,
    OBJECT,
    SLOW_BYTES,
    Effort,
)
from .grammar import (
    END_OF_FILE,
    HEADER,
    NUMBER,
    OBJECT_BEGINS,
    STARTXREF,
    STREAM_END,
    TRAILER,
    XREF,
)
from .landmarks import Landmarks
from .loose import GapReader, OpenBody
from .observer import Observer, PlainObjects
from .parser import ObjectParser, Parsed
from .plain import (
    MAX_PLAIN,
    PLAIN_LENGTH,
    PlainPatterns,
    is_balanced,
    may_hold_objects,
    plain_patterns,
)
from .search import Finders
from .source import Source, Steps
from .values import Dictionary, Reference
from .xref_table import read_xref_table

PIECE: Final = 120 * 1024
"""Bytes brought into view at a time; an idle scan keeps the last piece.

Memory of less than 128 KiB is used again by malloc; more is mapped again, page by page.
"""
PLAIN_STEPS: Final = 1024
"""Plain objects whose steps, one for each, are counted together."""
MAX_GATHERED: Final = 4096
"""Smaller pieces are gathered up to this size, so that single bytes cost little."""
SMALL: Final = 96
"""The source of uninteresting objects up to this size is reported."""
GAP_HEAD: Final = 64 * 1024
"""Bytes shown of what stands between objects."""


_Header = tuple[int, int]  # number, offset


class Walker:
    """A walk through a file that reports to an observer.

    Args:
        observer: Receives everything.
        finders: What to search with.
        effort: Counts what the walk costs, and knows when it has cost too much.
        base: Offset in the file of the first byte fed.
    """

    def __init__(
        self, observer: Observer, finders: Finders, effort: Effort, *, base: int = 0
    ) -> None:
        self._observer = observer
        self._find = finders.stream_end
        self._effort = effort
        self._source = Source(base=base)
        self._landmarks = Landmarks(self._source, finders.landmark_word, effort)
        self._bodies = BodyReader(self._source, finders.stream_end, observer, effort)
        self._gaps = GapReader(observer, finders.dictionary, effort)
        self._gathered = bytearray()
        self._plain_count = 0  # of which the steps are not counted yet
        self._lead = 0  # white space before the present landmark
        self._open_at = -1  # where an object ends in the middle of a dictionary
        self._steps = self._walk()
        next(self._steps)

    @property
    def offset(self) -> int:
        """Offset in the file of the next byte to read."""
        return self._source.offset

    def feed(self, data: memoryview) -> None:
        """Process the next bytes."""
        position = 0
        while position < len(data):
            if not self._gathered:
                position += self._bodies.skim(data[position:])
            piece = data[position : position + PIECE]
            position += len(piece)
            if self._gathered or len(piece) < MAX_GATHERED:
                self._gathered += piece
                if len(self._gathered) < MAX_GATHERED:
                    continue
                piece = memoryview(bytes(self._gathered))
                self._gathered.clear()
            self._advance(piece)
        self._source.append(b"")  # until more comes, only what is unread is kept

    def finish(self) -> None:
        """Note that there are no more bytes."""
        self._source.ended = True
        self._advance(bytes(self._gathered))
        self._bodies.finish()

    def _advance(self, piece: bytes | memoryview) -> None:
        self._source.append(piece)
        next(self._steps, None)

    def _walk(self) -> Steps:
        source = self._source
        yield
        while True:
            if self._effort.exhausted(source.offset):
                yield from self._skip()
            if self._plain_objects():
                continue
            match = HEADER.match(source.data, source.pos)
            if match is not None and match.end() < len(source.data):
                self._lead = match.end(1) - source.pos
                offset = source.base + match.end(1)
                source.pos = match.end()
                yield from self._objects((int(match[2]), offset))
            elif (landmark := (yield from self._landmark())) is not None:
                yield from self._visit(landmark)
            elif source.ended and not source.available:
                return

    def _skip(self) -> Generator[None, None, bool]:
        """Pass a stretch unread, and report it; return whether there was one to pass."""

        def pass_to(stop: int) -> None:
            self._source.pos = stop
            self._observer.passed(self._source.offset)

        start, stop = yield from self._effort.skip(self._source, pass_to)
        if stop > start:
            self._observer.skipped(start, stop)
        return stop > start

    def _plain_objects(self) -> bool:
        """Pass uninteresting objects that are wholly in view, in one tight loop.

        Does the same as the other methods, for nearly all objects of most files. Whatever
        is not as it usually is ends the loop and is left to them.

        Returns:
            Whether it is time to see what the walk has cost. That is so after the same
            objects whatever the pieces are.
        """
        source = self._source
        data, base, position = source.data, source.base, source.pos
        size = len(data)
        wanted, find = self._observer.wanted, self._find
        match_object = plain_patterns(self._observer.familiar).object.match
        batch = PlainObjects()
        for _ in range(PLAIN_STEPS - self._plain_count):
            match = match_object(data, position, position + MAX_PLAIN)
            if match is None or (end := match.end()) >= size:
                break
            number = int(match[2])
            start = match.end(3)
            if number in wanted or not is_balanced(data, start, end):
                break
            if match[4] is None:
                length = PLAIN_LENGTH.search(data, start, end)
                if length is None or length[2] is not None or may_hold_objects(data, start, end):
                    break
                stop = end + int(length[1])
                tail = STREAM_END.match(data, stop) if stop < size else None
                if tail is None or tail.end() >= size or find(data, end) < stop:
                    break
                end = tail.end()
            elif end - start <= SMALL:
                batch.small.append((number, data[start : end - len(b"endobj")]))
            lead = match.end(1) - position
            batch.numbers.append(number)
            batch.offsets.append(base + position + lead)
            batch.leads.append(lead)
            position = end
        if batch.numbers:
            self._observer.plain(batch)
        source.pos = position
        return self._count_plain(len(batch.numbers))

    def _count_plain(self, count: int) -> bool:
        """Count steps for plain objects, many together; return whether that was done now."""
        self._plain_count += count
        if self._plain_count < PLAIN_STEPS:
            return False
        self._plain_count = 0
        self._effort.spend(PLAIN_STEPS)
        return True

    def _landmark(self) -> Generator[None, None, re.Match[bytes] | None]:
        """Skip to the next token that has a meaning."""
        source = self._source
        start = source.offset
        head = b""
        if self._open_at == start:
            self._gaps.open(start)

        def pass_to(stop: int) -> None:
            nonlocal head
            if len(head) < GAP_HEAD:
                head += source.data[source.pos : min(stop, source.pos + GAP_HEAD - len(head))]
            self._gaps.pass_to(source, stop)
            source.pos = stop
            self._observer.passed(source.offset)

        match = yield from self._landmarks.next(pass_to)
        self._lead = source.offset - start
        filled = bool(head.strip(b"\0\t\n\f\r "))
        self._gaps.finish()
        if filled:
            self._effort.spend(LANDMARK + self._landmarks.searched // SLOW_BYTES)
        if filled or self._lead > GAP_HEAD:
            self._observer.gap(head, start)
            self._lead = 0
        return match

    def _visit(self, match: re.Match[bytes]) -> Steps:
        source = self._source
        offset = source.base + match.start()
        source.pos = match.end()
        kind = match.lastindex
        if kind == OBJECT_BEGINS:
            digits = source.data[match.start() : match.end(1)]
            yield from self._objects((int(digits), offset))
            return
        self._effort.spend(LANDMARK)
        if kind == XREF:
            yield from self._xref_table(offset)
        elif kind == TRAILER:
            yield from self._trailer(offset)
        elif kind == STARTXREF:
            yield from source.need(128)
            number = NUMBER.match(source.data, source.pos)
            self._observer.startxref(int(number[1]) if number else -1, offset)
            source.pos = number.end() if number else source.pos
        elif kind == END_OF_FILE:
            self._observer.end_of_file(source.offset)
        else:
            yield from source.need(8)
            self._observer.version(offset, source.data[source.pos : source.pos + 8])

    def _objects(self, header: _Header | None) -> Steps:
        """Read an object; if its end is missing, also those that follow."""
        while header is not None:
            header = yield from self._object(*header)
            if self._effort.exhausted(self._source.offset) and (yield from self._skip()):
                return

    def _object(self, number: int, offset: int) -> Generator[None, None, _Header | None]:
        source = self._source
        lead = self._lead
        patterns = plain_patterns(self._observer.familiar)
        while number not in self._observer.wanted:
            start = source.pos
            match = patterns.body.match(source.data, start, start + MAX_PLAIN)
            if match is not None and (match.end() < len(source.data) or source.ended):
                odd = match[1] is None and may_hold_objects(source.data, start, match.end())
                if odd or not is_balanced(source.data, start, match.end()):
                    break
                yield from self._plain(match, number, offset, lead)
                return None
            if source.ended or source.available >= MAX_PLAIN or self._interesting_ahead(patterns):
                break
            yield
        self._effort.spend(OBJECT)
        parsed = yield from ObjectParser(source, self._effort).run()
        self._observer.header(number, offset, lead)
        return (yield from self._parsed(parsed, number, offset))

    def _interesting_ahead(self, patterns: PlainPatterns) -> bool:
        """Return whether the first thing that is not plain is a whole interesting name."""
        source = self._source
        plain = patterns.tokens.match(source.data, source.pos)
        stop = plain.end() if plain is not None else source.pos
        name = patterns.interesting_name.match(source.data, stop)
        return name is not None and name.end() < len(source.data)

    def _plain(self, match: re.Match[bytes], number: int, offset: int, lead: int) -> Steps:
        """Pass an object that holds nothing of interest."""
        source = self._source
        start = source.pos
        source.pos = match.end()
        if match[1]:
            small = match.end() - start <= SMALL
            text = source.data[start : match.start(1)]
            self._observer.plain(
                PlainObjects([number], [offset], [lead], [(number, text)] if small else [])
            )
            self._count_plain(1)
            return
        self._observer.plain(PlainObjects([number], [offset], [lead]))
        declared = PLAIN_LENGTH.search(source.data, start, match.end())
        source.pos += len(match[2])
        length = int(declared[1]) if declared is not None and declared[2] is None else None
        if declared is None:
            self._observer.problem("length-missing", offset, number)
        yield from self._bodies.read(number, offset, length, None)
        self._count_plain(1)

    def _parsed(
        self, parsed: Parsed, number: int, offset: int
    ) -> Generator[None, None, _Header | None]:
        observer = self._observer
        if parsed.cut:
            observer.skipped(self._source.offset, self._source.offset)
        for code in sorted(parsed.problems - {"truncated"}):
            observer.problem(code, offset, number)
        observer.object(number, offset, parsed.value)
        self._return_to(parsed.swallowed)
        if parsed.end == b"stream":
            dictionary = parsed.value if isinstance(parsed.value, Dictionary) else Dictionary([])
            yield from self._bodies.line_end(number, offset)
            length = dictionary.get(b"Length")
            if not isinstance(length, (int, Reference)):
                observer.problem("length-missing", offset, number)
            sink = observer.stream(number, offset, dictionary)
            if "unbalanced" in parsed.problems:
                sink = OpenBody(self._gaps, self._source.offset, sink)
            declared = length if isinstance(length, int) and length >= 0 else None
            yield from self._bodies.read(number, offset, declared, sink)
        elif parsed.end != b"endobj" and not parsed.cut:
            observer.problem("endobj-missing", offset, number)
        if "unbalanced" in parsed.problems:
            self._open_at = self._source.offset
        return parsed.header

    def _xref_table(self, offset: int) -> Steps:
        section, sound = yield from read_xref_table(self._source, self._effort, offset, self._lead)
        if not sound:
            self._observer.problem("xref-wrong", offset, None)
        self._observer.xref(section)

    def _trailer(self, offset: int) -> Steps:
        parsed = yield from ObjectParser(self._source, self._effort).run()
        if parsed.cut:
            self._observer.skipped(self._source.offset, self._source.offset)
        for code in sorted(parsed.problems - {"truncated"}):
            self._observer.problem(code, offset, None)
        if isinstance(parsed.value, Dictionary):
            self._observer.trailer(offset, parsed.value)
        else:
            self._observer.problem("trailer-damaged", offset, None)
        self._return_to(parsed.swallowed)
        yield from self._objects(parsed.header)

    def _return_to(self, swallowed: bytes | None) -> None:
        """Read again, at the end of the file, what a string without an end has covered.

        Readers that follow a table, or look for objects, find those in it.
        """
        source = self._source
        if swallowed is None or (swallowed and self._effort.exhausted(source.offset)):
            self._observer.skipped(source.offset, source.offset)
        elif swallowed:
            self._effort.spend(len(swallowed) // FAST_BYTES)
            source.move_to(source.offset - len(swallowed), swallowed)
