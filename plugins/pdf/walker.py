"""Walks through a PDF from its first byte to its last, whatever pieces it comes in.

The walk is one generator that yields whenever it needs more bytes. A decision is taken
only when all bytes that it depends on are in view; that is why the pieces do not matter.
"""

import re
from collections.abc import Generator
from typing import Final

from .observer import Observer, PlainObjects, Sink
from .parser import ObjectParser, Parsed
from .search import Finders
from .source import Source, Steps
from .syntax import (
    AFTER_OBJECT,
    AFTER_STREAM,
    END_OF_FILE,
    ENDSTREAM,
    ENDSTREAM_HERE,
    HEADER,
    INTERESTING_NAME,
    LOOKAHEAD,
    MAX_PLAIN,
    NUMBER,
    OBJECT_BEGINS,
    OBJECT_END,
    PLAIN,
    PLAIN_LENGTH,
    PLAIN_OBJECT,
    PLAIN_TOKENS,
    STARTXREF,
    STREAM_END,
    STREAM_EOL,
    TRAILER,
    XREF,
    find_landmark,
    is_balanced,
    may_hold_objects,
)
from .table import read_xref_table
from .values import Dictionary, Reference

PIECE: Final = 256 * 1024
"""Bytes brought into view at once."""
PATIENCE: Final = 4096
"""Smaller pieces are gathered up to this size, so that single bytes cost little."""
CHECKED: Final = 1024 * 1024
"""How far ahead a declared ``/Length`` is checked against a nearer ``endstream``."""
SMALL: Final = 96
"""The source of uninteresting objects up to this size is told."""
MAX_BEYOND: Final = 1000
GAP_HEAD: Final = 64 * 1024
"""Bytes shown of what stands between objects."""
_MARGIN: Final = 64

_Header = tuple[int, int]  # number, offset


class Walker:
    """Tells an observer what is in a file.

    Args:
        observer: Hears of everything.
        finders: What to search with.
        base: Offset in the file of the first byte fed.
    """

    def __init__(self, observer: Observer, finders: Finders, *, base: int = 0) -> None:
        self._observer = observer
        self._find = finders.stream_end
        self._find_word = finders.landmark_word
        self._source = Source(base=base)
        self._gathered = bytearray()
        self._lead = 0  # white space before the present landmark
        self._tail = b""  # the last bytes of a stream's data, for judging its length
        self._beyond: list[tuple[int, int, int]] = []  # declared end, number, offset
        self._steps = self._walk()
        next(self._steps)

    def feed(self, data: memoryview) -> None:
        """See the next bytes."""
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            if self._gathered or len(piece) < PATIENCE:
                self._gathered += piece
                if len(self._gathered) < PATIENCE:
                    continue
                piece = memoryview(bytes(self._gathered))
                self._gathered.clear()
            self._advance(bytes(piece))
        self._source.append(b"")  # until more comes, only what is unread is kept

    def finish(self) -> None:
        """Say that there are no more bytes."""
        self._source.ended = True
        self._advance(bytes(self._gathered))
        for end, number, offset in self._beyond:
            if end > self._source.offset:
                self._observer.problem("length-wrong", offset, number)

    def _advance(self, piece: bytes) -> None:
        self._source.append(piece)
        next(self._steps, None)

    def _walk(self) -> Steps:
        source = self._source
        yield
        while True:
            self._plain_objects()
            match = HEADER.match(source.data, source.pos)
            if match is not None and match.end() < len(source.data):
                self._lead = match.end(1) - source.pos
                offset = source.base + match.end(1)
                source.pos = match.end()
                yield from self._objects((int(match[2]), offset))
            elif (landmark := (yield from self._landmark())) is not None:
                yield from self._visit(landmark)
            else:
                return

    def _plain_objects(self) -> None:
        """Pass as many uninteresting objects as are wholly in view, in one tight loop.

        Does the same as the other methods, for nearly all objects of most files. Whatever
        is not as it usually is ends the loop and is left to them.
        """
        source = self._source
        data, base, position = source.data, source.base, source.pos
        size = len(data)
        wanted, find = self._observer.wanted, self._find
        batch = PlainObjects()
        while True:
            match = PLAIN_OBJECT.match(data, position, position + MAX_PLAIN)
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

    def _landmark(self) -> Generator[None, None, re.Match[bytes] | None]:
        """Skip to the next thing that means something, past bytes that mean nothing."""
        source = self._source
        start = source.offset
        head = b""
        while True:
            clear = len(source.data) if source.ended else len(source.data) - LOOKAHEAD
            match = find_landmark(source.data, source.pos, self._find_word)
            found = match is not None and match.start() <= clear
            stop = match.start() if match is not None and found else max(source.pos, clear)
            if len(head) < GAP_HEAD:
                head += source.data[source.pos : min(stop, source.pos + GAP_HEAD - len(head))]
            source.pos = stop
            self._observer.passed(source.offset)
            if found or source.ended:
                break
            yield
        self._lead = source.offset - start
        if head.strip(b"\0\t\n\f\r ") or self._lead > GAP_HEAD:
            self._observer.gap(head, start)
            self._lead = 0
        return match if found else None

    def _visit(self, match: re.Match[bytes]) -> Steps:
        source = self._source
        offset = source.base + match.start()
        source.pos = match.end()
        kind = match.lastindex
        if kind == OBJECT_BEGINS:
            digits = source.data[match.start() : match.end(1)]
            yield from self._objects((int(digits), offset))
        elif kind == XREF:
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
        """Read an object, and those that follow where the end of one is missing."""
        while header is not None:
            header = yield from self._object(*header)

    def _object(self, number: int, offset: int) -> Generator[None, None, _Header | None]:
        source = self._source
        lead = self._lead
        while number not in self._observer.wanted:
            start = source.pos
            match = PLAIN.match(source.data, start, start + MAX_PLAIN)
            if match is not None and (match.end() < len(source.data) or source.ended):
                odd = match[1] is None and may_hold_objects(source.data, start, match.end())
                if odd or not is_balanced(source.data, start, match.end()):
                    break
                yield from self._plain(match, number, offset, lead)
                return None
            if source.ended or source.available >= MAX_PLAIN or self._interesting_ahead():
                break
            yield
        parsed = yield from ObjectParser(source).run()
        self._observer.header(number, offset, lead)
        return (yield from self._parsed(parsed, number, offset))

    def _interesting_ahead(self) -> bool:
        """Whether the first thing that is not plain is a whole interesting name."""
        source = self._source
        plain = PLAIN_TOKENS.match(source.data, source.pos)
        stop = plain.end() if plain is not None else source.pos
        name = INTERESTING_NAME.match(source.data, stop)
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
            return
        self._observer.plain(PlainObjects([number], [offset], [lead]))
        declared = PLAIN_LENGTH.search(source.data, start, match.end())
        source.pos += len(match[2])
        length = int(declared[1]) if declared is not None and declared[2] is None else None
        if declared is None:
            self._observer.problem("length-missing", offset, number)
        yield from self._body(number, offset, length, None)

    def _parsed(
        self, parsed: Parsed, number: int, offset: int
    ) -> Generator[None, None, _Header | None]:
        observer = self._observer
        for code in sorted(parsed.problems - {"truncated"}):
            observer.problem(code, offset, number)
        observer.object(number, offset, parsed.value)
        if parsed.end == b"stream":
            dictionary = parsed.value if isinstance(parsed.value, Dictionary) else Dictionary([])
            yield from self._stream_line_end(number, offset)
            length = dictionary.get(b"Length")
            if not isinstance(length, (int, Reference)):
                observer.problem("length-missing", offset, number)
            sink = observer.stream(number, offset, dictionary)
            declared = length if isinstance(length, int) and length >= 0 else None
            yield from self._body(number, offset, declared, sink)
        elif parsed.end != b"endobj":
            observer.problem("endobj-missing", offset, number)
        return parsed.header

    def _stream_line_end(self, number: int, offset: int) -> Steps:
        """Pass the end of the line with the word ``stream`` (ISO 32000-2, 7.3.8.1)."""
        source = self._source
        yield from source.need(70)
        match = STREAM_EOL.match(source.data, source.pos)
        if match is None or match[1] or match[2]:
            self._observer.problem("stream-line-end", offset, number)
        if match is not None:
            source.pos = match.end()

    def _body(self, number: int, offset: int, length: int | None, sink: Sink | None) -> Steps:
        """Pass the data of a stream, up to and with ``endstream`` and ``endobj``."""
        source = self._source
        start = source.offset
        self._tail = b""
        if length is None or not (yield from self._ends_as_declared(length, sink)):
            while True:
                found = self._find(source.data, source.pos)
                if found >= 0:
                    self._hand_over(sink, found)
                    if (yield from self._is_end(start, length, number, offset, sink)):
                        break
                elif source.ended:
                    self._hand_over(sink, len(source.data))
                    self._observer.problem("endstream-missing", offset, number)
                    break
                else:
                    self._hand_over(sink, len(source.data) - _MARGIN)
                    yield
        if sink is not None:
            sink.close()
        yield from source.need(1400)
        match = OBJECT_END.match(source.data, source.pos)
        if match is not None:
            source.pos = match.end()
        elif not source.ended or source.available:
            self._observer.problem("endobj-missing", offset, number)

    def _ends_as_declared(self, length: int, sink: Sink | None) -> Generator[None, None, bool]:
        """Pass a body of reasonable size if it ends where ``/Length`` says."""
        if length > CHECKED:
            return False
        source = self._source
        yield from source.need(length + _MARGIN)
        end = source.pos + length
        match = ENDSTREAM_HERE.match(source.data, end) if end <= len(source.data) else None
        if match is None:
            return False
        if self._find(source.data, source.pos) < end:
            self._observer.inside(source.data[source.pos : end], source.offset)
        self._hand_over(sink, end)
        source.pos = match.end()
        return True

    def _hand_over(self, sink: Sink | None, stop: int) -> None:
        source = self._source
        if stop <= source.pos:
            return
        if sink is not None:
            sink.feed(source.data[source.pos : stop])
        self._tail = (self._tail + source.data[max(source.pos, stop - _MARGIN) : stop])[-_MARGIN:]
        source.pos = stop

    def _is_end(
        self, start: int, length: int | None, number: int, offset: int, sink: Sink | None
    ) -> Generator[None, None, bool]:
        """Judge an ``endstream`` or ``endobj`` at the present position; pass it if it is the end.

        Where it comes before the end that ``/Length`` declares, the declared end counts if
        there is an ``endstream`` as well. Without a direct length, the word counts if what
        follows looks like the end of an object.
        """
        source = self._source
        size = source.offset - start
        bare = source.data.startswith(b"endobj", source.pos)
        yield from source.need(2200)
        if length is None:
            follows = AFTER_OBJECT if bare else AFTER_STREAM
            if follows.match(source.data, source.pos) is None:
                again = self._find(source.data[: source.pos + 2048], source.pos + 1)
                if again >= 0 or bare:
                    self._hand_over(sink, source.pos + 1)
                    return False
        elif max(CHECKED, size) < length <= size + CHECKED:
            yield from source.need(length - size + _MARGIN)
            end = source.pos + length - size
            if end <= len(source.data) and ENDSTREAM_HERE.match(source.data, end):
                self._hand_over(sink, end)
                bare = False
                source.pos = source.data.index(ENDSTREAM, end)
            else:
                self._observer.problem("length-wrong", offset, number)
        elif length > max(size, CHECKED):
            if len(self._beyond) < MAX_BEYOND:
                self._beyond.append((start + length, number, offset))
        elif length != size and not self._only_space_behind(length - size):
            self._observer.problem("length-wrong", offset, number)
        if bare:
            self._observer.problem("endstream-missing", offset, number)
        else:
            source.pos += len(ENDSTREAM)
        return True

    def _only_space_behind(self, behind: int) -> bool:
        """Whether the last ``-behind`` bytes of the data are white space."""
        return -_MARGIN <= behind < 0 and not self._tail[behind:].strip(b"\0\t\n\f\r ")

    def _xref_table(self, offset: int) -> Steps:
        section, sound = yield from read_xref_table(self._source, offset, self._lead)
        if not sound:
            self._observer.problem("xref-wrong", offset, None)
        self._observer.xref(section)

    def _trailer(self, offset: int) -> Steps:
        parsed = yield from ObjectParser(self._source).run()
        for code in sorted(parsed.problems - {"truncated"}):
            self._observer.problem(code, offset, None)
        if isinstance(parsed.value, Dictionary):
            self._observer.trailer(offset, parsed.value)
        else:
            self._observer.problem("trailer-damaged", offset, None)
        yield from self._objects(parsed.header)
