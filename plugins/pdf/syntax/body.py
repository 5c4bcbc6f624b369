"""Passes the data of streams, and finds where it ends."""

from collections.abc import Callable, Generator
from typing import Final

from .effort import STREAM, Effort
from .grammar import (
    AFTER_OBJECT,
    AFTER_STREAM,
    ENDSTREAM,
    ENDSTREAM_HERE,
    OBJECT_END,
    STREAM_EOL,
    STREAM_WORD,
)
from .observer import Observer, Sink
from .search import Finder
from .source import Source, Steps

CHECKED: Final = 1024 * 1024
"""How far ahead a declared ``/Length`` is checked against a nearer ``endstream``."""
MAX_BEYOND: Final = 1000
_MARGIN: Final = 64
_SEEN_BEHIND: Final = 2048
"""Bytes after a doubtful end in which a better one is looked for."""


class BodyReader:
    """A reader that passes one stream after the other.

    Args:
        source: Where the bytes come from.
        find: Finds the next word that may end a stream.
        observer: Receives what is wrong, and what looks like objects inside of streams.
        effort: Counts what it costs.
    """

    def __init__(self, source: Source, find: Finder, observer: Observer, effort: Effort) -> None:
        self._source = source
        self._find = find
        self._observer = observer
        self._effort = effort
        self._tail = b""  # the end of the data that has passed, for judging its length
        self._idle = False  # whether nothing matters but where the stream ends
        self._beyond: list[tuple[int, int, int]] = []  # declared end, number, offset

    def line_end(self, number: int, offset: int) -> Steps:
        """Pass the end of the line with the word ``stream`` (ISO 32000-2, 7.3.8.1)."""
        source = self._source
        yield from source.need(70)
        match = STREAM_EOL.match(source.data, source.pos)
        if match is None or match[1] or match[2]:
            self._observer.problem("stream-line-end", offset, number)
        if match is not None:
            source.pos = match.end()

    def read(self, number: int, offset: int, length: int | None, sink: Sink | None) -> Steps:
        """Pass the data of a stream and the words ``endstream`` and ``endobj``.

        Args:
            number: Number of the object.
            offset: Where it begins.
            length: The value of ``/Length``, if it is direct.
            sink: Wants the data.
        """
        source = self._source
        start = source.offset
        self._tail = b""
        if length is None or not (yield from self._ends_as_declared(length, sink)):
            self._effort.spend(STREAM)
            while True:
                if self._effort.exhausted(source.offset):
                    yield from self._skip(sink)
                position = self._find(source.data, source.pos)
                if position >= 0:
                    self._hand_over(sink, position)
                    if (yield from self._is_end(start, length, number, offset, sink)):
                        break
                elif source.ended:
                    self._hand_over(sink, len(source.data))
                    self._observer.problem("endstream-missing", offset, number)
                    break
                else:
                    self._hand_over(sink, len(source.data) - _MARGIN)
                    self._idle = sink is None
                    yield
                    self._idle = False
        if sink is not None:
            sink.close()
        yield from source.need(1400)
        match = OBJECT_END.match(source.data, source.pos)
        if match is not None:
            source.pos = match.end()
        elif not source.ended or source.available:
            self._effort.spend(STREAM)
            self._observer.problem("endobj-missing", offset, number)

    def skim(self, view: memoryview) -> int:
        """Pass data that is surely inside a stream, without a copy.

        That is most of most files. Reading on from there gives what reading it all would.

        Returns:
            How many bytes of the view were passed.
        """
        source = self._source
        if not self._idle or self._effort.exhausted(source.offset):
            return 0
        if self._find(source.data[source.pos :] + bytes(view[:_MARGIN]), 0) >= 0:
            return 0
        position = self._find(view, 0)
        stop = position if position >= 0 else len(view)
        if stop < 2 * _MARGIN:
            return 0
        unread = stop - _MARGIN  # a word may have begun there
        self._tail = bytes(view[unread - _MARGIN : unread])
        source.move_to(source.base + len(source.data) + unread, bytes(view[unread:stop]))
        return stop

    def finish(self) -> None:
        """Judge streams that end before their declared length."""
        for end, number, offset in self._beyond:
            if end > self._source.offset:
                self._observer.problem("length-wrong", offset, number)

    def _skip(self, sink: Sink | None) -> Steps:
        """Pass a stretch without looking for the end."""
        take: Callable[[int], None] = lambda stop: self._hand_over(sink, stop)  # noqa: E731
        start, stop = yield from self._effort.skip(self._source, take)
        if stop > start:
            self._observer.skipped(start, stop)

    def _ends_as_declared(self, length: int, sink: Sink | None) -> Generator[None, None, bool]:
        """Pass a body of reasonable size if it ends where ``/Length`` declares."""
        if length > CHECKED:
            return False
        source = self._source
        yield from source.need(length + _MARGIN)
        end = source.pos + length
        match = ENDSTREAM_HERE.match(source.data, end) if end <= len(source.data) else None
        if match is None:
            return False
        if self._find(source.data, source.pos) < end:
            self._effort.spend(STREAM)
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
        """Judge an ``endstream`` or ``endobj`` at the position; pass it if it is the end.

        Where it comes before the end that ``/Length`` declares, the declared end counts if
        there is an ``endstream`` as well. Without a direct length, the word counts if what
        follows looks like the end of an object.
        """
        source = self._source
        size = source.offset - start
        bare = source.data.startswith(b"endobj", source.pos)
        yield from source.need(_SEEN_BEHIND + 2 * _MARGIN)
        if length is None:
            follows = AFTER_OBJECT if bare else AFTER_STREAM
            if follows.match(source.data, source.pos) is None:
                behind = source.pos + 1
                again = STREAM_WORD.search(source.data, behind, behind + _SEEN_BEHIND)
                if again is not None or bare:
                    self._effort.spend(STREAM)
                    self._hand_over(sink, behind)
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
        elif length != size and not self._only_space_after(length - size):
            self._observer.problem("length-wrong", offset, number)
        if bare:
            self._observer.problem("endstream-missing", offset, number)
        else:
            source.pos += len(ENDSTREAM)
        return True

    def _only_space_after(self, excess: int) -> bool:
        """Return whether the data ends in white space of the given negative length."""
        return -_MARGIN <= excess < 0 and not self._tail[excess:].strip(b"\0\t\n\f\r ")
