"""Reads one PDF object from bytes that may still be arriving."""

import re
from collections.abc import Generator
from dataclasses import dataclass, field

from .source import Source, Steps
from .syntax import (
    ARRAY_CLOSES,
    ARRAY_OPENS,
    DELIMITER,
    DICTIONARY_CLOSES,
    DICTIONARY_OPENS,
    HEXADECIMAL,
    INTEGER,
    INTERESTING,
    LINE_END,
    MAX_TOKEN,
    NAME,
    REAL,
    SPACE,
    STRING,
    STRING_MARK,
    TOKEN,
    WORD,
    unescape_name,
    unescape_string,
    unhex,
)
from .values import Dictionary, Keyword, Name, Reference, Text, Value

MAX_DEPTH = 500
"""Containers nested deeper than this are not kept apart (qpdf gives up at the same depth)."""
MAX_VALUES = 20_000
"""Values kept of one object; beyond, only dictionaries with something interesting are."""
MAX_KEPT = 40_000
"""Values kept of one object in any case."""
STRING_HEAD = 4096
"""Bytes kept of a string."""
MAX_BYTES = 2 * 1024 * 1024
"""Bytes kept of all strings and names of an object; beyond, of each only a few."""
_FEW = 128

_INTERESTING = frozenset(INTERESTING)
_ENDS = (b"endobj", b"stream", b"endstream", b"xref", b"trailer", b"startxref")
_PAIR = 2  # object number and generation
_CONSTANTS: dict[bytes, Value] = {b"true": True, b"false": False, b"null": None}


@dataclass(slots=True)
class Parsed:
    """An object as it was read.

    Attributes:
        value: The value; ``None`` where there was none.
        end: The word that ended it: ``endobj``, ``stream``, ... or empty at the end of the file.
        header: Number and offset of the object that follows at once, where the
            end of this one is missing.
        problems: Codes of what is wrong with it.
    """

    value: Value = None
    end: bytes = b""
    header: tuple[int, int] | None = None
    problems: set[str] = field(default_factory=set)


class _Frame:
    """A container that is not closed yet."""

    __slots__ = ("interesting", "is_dictionary", "items")

    def __init__(self, *, is_dictionary: bool) -> None:
        self.is_dictionary = is_dictionary
        self.items: list[Value] = []
        self.interesting = False


class ObjectParser:
    """Builds the value of one object from its tokens.

    Args:
        source: Where the bytes come from; afterwards it stands behind the object.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._stack: list[_Frame] = [_Frame(is_dictionary=False)]
        self._top = self._stack[0]
        self._too_deep = 0
        self._kept = 0
        self._bytes = 0
        self._integers: list[tuple[int, int]] = []  # the latest two in a row, with offsets
        self._parsed = Parsed()

    def run(self) -> Generator[None, None, Parsed]:
        """Read the object; yield whenever more bytes are needed."""
        source = self._source
        while True:
            space = SPACE.match(source.data, source.pos)
            if space is not None:
                source.pos = space.end()
            match = TOKEN.match(source.data, source.pos)
            ends_in_view = match is not None and match.end() < len(source.data)
            if not ends_in_view and not source.ended and source.available <= 2 * MAX_TOKEN:
                yield
            elif match is not None:
                if (yield from self._token(match)):
                    break
            elif source.available:
                yield from self._odd()
            else:
                self._parsed.problems.add("truncated")
                break
        self._finish()
        return self._parsed

    def _odd(self) -> Steps:
        """Skip a comment (ISO 32000-2, 7.2.4) or a stray closing parenthesis."""
        source = self._source
        if source.data[source.pos : source.pos + 1] != b"%":
            source.pos += 1
            self._problem("bad-token")
            return
        while (end := LINE_END.search(source.data, source.pos)) is None:
            source.pos = len(source.data)
            if source.ended:
                return
            yield
        source.pos = end.end()

    def _token(self, match: re.Match[bytes]) -> Generator[None, None, bool]:
        """Take one token; return whether it ends the object."""
        source = self._source
        kind = match.lastindex
        start = source.offset
        source.pos = match.end()
        if kind == INTEGER:
            self._integers = [*self._integers[-1:], (int(match[INTEGER]), start)]
            self._add(int(match[INTEGER]))
            return False
        if kind == WORD:
            return self._word(match[WORD], start)
        self._integers.clear()
        if kind == NAME:
            self._name(match[NAME])
        elif kind in (DICTIONARY_OPENS, ARRAY_OPENS):
            self._open(is_dictionary=kind == DICTIONARY_OPENS)
        elif kind in (DICTIONARY_CLOSES, ARRAY_CLOSES):
            self._close(is_dictionary=kind == DICTIONARY_CLOSES)
        elif kind == STRING:
            self._add_text(match[STRING])
        elif kind == HEXADECIMAL:
            self._add_text(unhex(match[HEXADECIMAL]))
        elif match[DELIMITER] == b"(":
            yield from self._literal_string()
        elif match[DELIMITER] == b"<":
            yield from self._hexadecimal_string()
        else:
            self._problem("bad-token")
        return False

    def _name(self, raw: bytes) -> None:
        self._bytes += len(raw)
        if len(raw) > MAX_TOKEN // 16:
            self._problem("endless-token")
        if self._bytes > MAX_BYTES:
            raw = raw[:_FEW]
        if b"#" in raw:
            text = unescape_name(raw)
            if b"\0" in text:  # the one byte that no name may contain
                self._problem("bad-token")
            self._add(Name(text, text != raw))
        else:
            text = raw
            self._add(Name(raw))
        if text in _INTERESTING:
            self._top.interesting = True

    def _word(self, word: bytes, start: int) -> bool:
        integers, self._integers = self._integers, []
        if word == b"R" and len(integers) == _PAIR:
            self._refer(integers[0][0], integers[1][0])
            return False
        if word in _CONSTANTS:
            self._add(_CONSTANTS[word])
            return False
        if REAL.fullmatch(word):
            self._add(0.0)  # no real number matters to the scanner
            return False
        return self._end(word, start, integers)

    def _end(self, word: bytes, start: int, integers: list[tuple[int, int]]) -> bool:
        """See whether a word ends the object, even one that is glued to what follows."""
        source = self._source
        if word.startswith(b"obj") and len(integers) == _PAIR:
            self._drop(_PAIR)
            self._parsed.header = integers[0]
            self._parsed.end = b"obj"
            source.pos -= len(word) - len(b"obj")
            return True
        for end in _ENDS:
            if word.startswith(end):
                self._parsed.end = end
                if end in (b"endobj", b"stream"):
                    source.pos -= len(word) - len(end)
                else:
                    source.pos = start - source.base
                return True
        self._problem("bad-token")
        if len(word) > MAX_TOKEN // 16:
            self._problem("endless-token")
        self._add(Keyword(word[:32]))
        return False

    def _refer(self, number: int, generation: int) -> None:
        self._drop(_PAIR)
        self._add(Reference(number, generation))

    def _drop(self, count: int) -> None:
        """Take the last values back: they were part of a reference or of a header."""
        if not self._too_deep:
            del self._top.items[-count:]

    def _add(self, value: Value) -> None:
        if self._too_deep:
            return
        if self._kept >= MAX_VALUES and not self._worth_keeping(value):
            return
        if self._kept < MAX_KEPT:
            self._kept += 1
            self._top.items.append(value)
        else:
            self._problem("too-many-values")

    def _add_text(self, head: bytes) -> None:
        self._bytes += len(head)
        self._add(Text(head if self._bytes <= MAX_BYTES else head[:_FEW]))

    def _worth_keeping(self, value: Value) -> bool:
        return self._top.is_dictionary or isinstance(value, (Name, Reference, list, Dictionary))

    def _open(self, *, is_dictionary: bool) -> None:
        if self._too_deep or len(self._stack) > MAX_DEPTH:
            self._too_deep += 1
            self._problem("too-deep")
            return
        self._top = _Frame(is_dictionary=is_dictionary)
        self._stack.append(self._top)

    def _close(self, *, is_dictionary: bool) -> None:
        if self._too_deep:
            self._too_deep -= 1
            return
        if len(self._stack) > 1 and self._top.is_dictionary != is_dictionary:
            self._problem("unbalanced")
            if is_dictionary and any(frame.is_dictionary for frame in self._stack):
                while not self._top.is_dictionary:
                    self._pop()
            else:
                return
        if len(self._stack) > 1:
            self._pop()
        else:
            self._problem("unbalanced")

    def _pop(self) -> None:
        frame = self._stack.pop()
        self._top = self._stack[-1]
        self._top.interesting |= frame.interesting
        if self._kept >= MAX_VALUES and not frame.interesting:
            self._kept -= len(frame.items)
            self._add(None)
            return
        if frame.is_dictionary:
            self._add(self._dictionary(frame.items))
        else:
            self._add(frame.items)

    def _dictionary(self, items: list[Value]) -> Dictionary:
        """Pair keys with values; where a key is missing, resynchronise at the next name."""
        entries: list[tuple[bytes, Value]] = []
        escaped = False
        index = 0
        while index < len(items):
            key = items[index]
            if not isinstance(key, Name):
                self._problem("bad-dictionary")
                index += 1
                continue
            value = items[index + 1] if index + 1 < len(items) else None
            escaped |= key.escaped or (isinstance(value, Name) and value.escaped)
            entries.append((key.text, value))
            index += 2
        if len(items) % 2:
            self._problem("bad-dictionary")
        return Dictionary(entries, escaped=escaped)

    def _literal_string(self) -> Steps:
        """Read a string with escapes, nested parentheses, line ends or great length."""
        source = self._source
        depth = 1
        head = bytearray()
        while depth:
            mark = STRING_MARK.search(source.data, source.pos)
            stop = mark.start() if mark else len(source.data)
            if len(head) < STRING_HEAD:
                head += source.data[source.pos : stop][: STRING_HEAD - len(head)]
            source.pos = stop
            if mark is None:
                if source.ended:
                    self._problem("truncated")
                    break
                yield
                continue
            yield from source.need(2)
            byte = source.data[source.pos : source.pos + 1]
            width = min(2 if byte == b"\\" else 1, source.available)
            depth += {b"(": 1, b")": -1}.get(byte, 0)
            if depth and len(head) < STRING_HEAD:
                head += source.data[source.pos : source.pos + width]
            source.pos += width
        self._add_text(unescape_string(bytes(head)))

    def _hexadecimal_string(self) -> Steps:
        """Read a hexadecimal string with white space, stray bytes or great length."""
        source = self._source
        head = bytearray()
        while True:
            end = source.data.find(b">", source.pos)
            stop = end if end >= 0 else len(source.data)
            if len(head) < STRING_HEAD:
                head += source.data[source.pos : stop][: STRING_HEAD - len(head)]
            source.pos = stop
            if end >= 0:
                source.pos += 1
                break
            if source.ended:
                self._problem("truncated")
                break
            yield
        if not re.fullmatch(rb"[0-9A-Fa-f\x00\t\n\f\r ]*", head):
            self._problem("bad-token")
        self._add_text(unhex(bytes(head)))

    def _problem(self, code: str) -> None:
        self._parsed.problems.add(code)

    def _finish(self) -> None:
        if len(self._stack) > 1 or self._too_deep:
            self._problem("unbalanced")
            self._too_deep = 0
            while len(self._stack) > 1:
                self._pop()
        items = self._stack[0].items
        if len(items) > 1:
            self._problem("many-values")
        self._parsed.value = items[0] if len(items) == 1 else _most_telling(items)


def _most_telling(items: list[Value]) -> Value:
    """Of several values where one belongs, return the first dictionary, or the first."""
    for item in items:
        if isinstance(item, Dictionary):
            return item
    return items[0] if items else None
