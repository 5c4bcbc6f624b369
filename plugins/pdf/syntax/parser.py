"""Reads one PDF object from bytes that may still be arriving."""

import re
from collections.abc import Generator
from dataclasses import dataclass, field

from .effort import Effort
from .grammar import (
    ARRAY_CLOSES,
    ARRAY_OPENS,
    DELIMITER,
    DICTIONARY_CLOSES,
    DICTIONARY_OPENS,
    END,
    HEXADECIMAL,
    INTEGER,
    LINE_END,
    MAX_TOKEN,
    NAME,
    NAME_END,
    NAME_TAIL,
    NUMERIC,
    REAL,
    REFERENCE,
    SKIPPED,
    STRING,
    TOKEN,
    TOKEN_MARGIN,
    WORD,
    unescape_name,
    unescape_string,
    unhex,
)
from .numbers import integer_of, real_of
from .pairing import most_telling, pair
from .plain import INTERESTING
from .source import Source, Steps
from .strings import HEAD, read_hexadecimal, read_literal
from .values import (
    Dictionary,
    Keyword,
    Name,
    Reference,
    Text,
    Value,
)

MAX_DEPTH = 500
"""Containers nested deeper than this are not kept apart (qpdf gives up at the same depth)."""
MAX_VALUES = 20_000
"""Values kept of one object; beyond, only dictionaries with something interesting are."""
MAX_KEPT = 40_000
"""Values kept of one object in any case."""
MAX_BYTES = 2 * 1024 * 1024
"""Bytes kept of all strings and names of an object; beyond, of each only its beginning."""
_CUT_BYTES = 128

_CHECK_EVERY = 1024  # steps
_BRACKETS = {  # whether it closes, whether of a dictionary
    DICTIONARY_OPENS: (False, True),
    DICTIONARY_CLOSES: (True, True),
    ARRAY_OPENS: (False, False),
    ARRAY_CLOSES: (True, False),
}
_PAIR = 2  # object number and generation
_CONSTANTS: dict[bytes, Value] = {b"true": True, b"false": False, b"null": None}


@dataclass(slots=True)
class Parsed:
    """An object as it was read.

    Attributes:
        value: The value; ``None`` if there was none.
        end: The word that ended it: ``endobj``, ``stream``, ... or empty at the end of the file.
        header: Number and offset of the object that follows immediately, if the
            end of this one is missing.
        cut: Whether it was not read to its end, because that would cost too much.
        problems: Codes of what is wrong with it.
        swallowed: What a string without an end has covered; ``None`` if that was not kept.
    """

    value: Value = None
    end: bytes = b""
    header: tuple[int, int] | None = None
    cut: bool = False
    problems: set[str] = field(default_factory=set)
    swallowed: bytes | None = b""


class _Frame:
    """A container that is not closed yet."""

    __slots__ = ("interesting", "is_dictionary", "items")

    def __init__(self, *, is_dictionary: bool) -> None:
        self.is_dictionary = is_dictionary
        self.items: list[Value] = []
        self.interesting = False


class ObjectParser:
    """A builder of one object's value from its tokens.

    Args:
        source: Where the bytes come from; afterwards it stands after the object.
        effort: Counts the tokens, and knows when they have cost too much.
        offset: The offset in the file that limits how much may have been spent; if the source is
            not the file, that of the stream.
        single: Whether the object ends where its first dictionary or array does.
    """

    def __init__(
        self, source: Source, effort: Effort, offset: int | None = None, *, single: bool = False
    ) -> None:
        self._single = single
        self._source = source
        self._effort = effort
        self._offset = offset
        self._steps = 0
        self._stack: list[_Frame] = [_Frame(is_dictionary=False)]
        self._top = self._stack[0]
        self._dictionaries = 0  # on the stack
        self._too_deep = 0
        self._kept = 0
        self._bytes = 0
        self._integers: list[tuple[int, int, bool]] = []  # the latest two in a row, with offsets
        self._parsed = Parsed()

    def run(self) -> Generator[None, None, Parsed]:
        """Read the object; yield whenever more bytes are needed."""
        source = self._source
        match_token = TOKEN.match
        while not self._parsed.cut:
            match = match_token(source.data, source.pos)
            assert match is not None  # noqa: S101 - it matches nothing at all as well
            in_view = source.ended or match.end() + TOKEN_MARGIN <= len(source.data)
            if not in_view and source.available <= 2 * MAX_TOKEN:
                yield
            elif match.lastindex is None:
                source.pos = match.end()
                if source.available:
                    yield from self._odd()
                elif source.ended:
                    self._parsed.problems.add("truncated")
                    break
                else:
                    yield
            elif not in_view and (begin := self._token_begin()) > source.pos:
                source.pos = begin
            elif (yield from self._token(match)):
                break
            else:
                self._spend(1)
        self._effort.spend(self._steps)
        self._finish()
        return self._parsed

    def _token_begin(self) -> int:
        """Return the index of the next byte outside white space and short comments."""
        skipped = SKIPPED.match(self._source.data, self._source.pos)
        return self._source.pos if skipped is None else skipped.end()

    def _spend(self, steps: int) -> bool:
        """Count steps; every now and then, see whether they are too many."""
        self._steps += steps
        if self._steps >= _CHECK_EVERY:
            self._effort.spend(self._steps)
            self._steps = 0
            offset = self._source.offset if self._offset is None else self._offset
            self._parsed.cut = self._effort.exhausted(offset)
        return self._parsed.cut

    def _odd(self) -> Steps:
        """Skip a comment (ISO 32000-2, 7.2.4) or a stray closing parenthesis."""
        source = self._source
        if source.data[source.pos : source.pos + 1] != b"%":
            source.pos += 1
            self._problem("bad-token")
            self._spend(1)
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
        source.pos = match.end()
        if kind == INTEGER:
            self._integer(int(match[INTEGER]), source.base + match.start(INTEGER))
            return False
        if kind == WORD:
            return self._word(match[WORD])
        if kind == END:
            return self._end(match[END])
        if kind == DELIMITER and NAME_END.match(match[DELIMITER]):  # white space for some readers
            self._problem("bad-token")
            return False
        self._integers.clear()
        if kind == REFERENCE:
            self._spend(2)  # as many as if it did not stand in one piece
            self._add(Reference(int(match[REFERENCE - 1]), int(match[REFERENCE])))
        elif kind == NAME:
            self._name(match[NAME])
        elif kind in _BRACKETS:
            closes, is_dictionary = _BRACKETS[kind]
            (self._close if closes else self._open)(is_dictionary=is_dictionary)
            return self._single and closes and len(self._stack) == 1
        elif kind == STRING:
            raw = match[STRING]
            self._literal(raw[:HEAD], cut=len(raw) > HEAD)
        elif kind == HEXADECIMAL:
            raw = match[HEXADECIMAL]
            self._add_text(unhex(raw[:HEAD]), cut=len(raw) > HEAD)
        else:
            yield from self._delimiter(match[DELIMITER])
        return False

    def _delimiter(self, byte: bytes) -> Steps:
        """Read a string that is long or has escapes, or pass a stray delimiter."""
        if byte == b"(":
            text = yield from read_literal(self._source, self._spend)
            self._literal(text.head, cut=text.cut)
            self._parsed.swallowed = text.rest
        elif byte == b"<":
            text = yield from read_hexadecimal(self._source)
            self._add_text(unhex(text.head), cut=text.cut)
        else:
            self._problem("bad-token")
            return
        if text.problems:
            self._spend(2)
            self._parsed.problems |= text.problems

    def _literal(self, raw: bytes, *, cut: bool) -> None:
        self._spend(raw.count(b"\\"))
        self._add_text(unescape_string(raw), cut=cut)

    def _integer(self, value: int, offset: int) -> None:
        self._integers = [*self._integers[-1:], (value, offset, self._add(value))]

    def _numeric(self, word: bytes) -> None:
        """Read a number that is no integer, of which readers take what they can for one."""
        if not REAL.fullmatch(word):
            self._problem("bad-token")
        added = self._add(real_of(word))
        self._integers = [*self._integers[-1:], (integer_of(word), -1, added)]

    def _name(self, raw: bytes) -> None:
        end = NAME_END.search(raw)
        if end is not None:
            tail = raw[end.start() :]
            if NAME_TAIL.fullmatch(tail):
                self._source.pos -= len(tail)
            raw = raw[: end.start()]
        self._bytes += len(raw)
        if len(raw) > MAX_TOKEN // 16:
            self._problem("endless-token")
        if self._bytes > MAX_BYTES:
            raw = raw[:_CUT_BYTES]
        text = raw
        if b"#" in raw:
            self._spend(raw.count(b"#"))
            text, null, _ = unescape_name(raw).partition(b"\0")
            if null:  # the one byte that no name may contain; it ends the name for some readers
                self._problem("bad-token")
        self._add(Name(text, text != raw or end is not None))
        if text in INTERESTING:
            self._top.interesting = True
            if end is not None:
                self._problem("bad-token")

    def _word(self, word: bytes) -> bool:
        if (numeric := NUMERIC.fullmatch(word)) is not None:
            self._numeric(numeric[1])
            if not numeric[2]:
                return False
            word = b"R"
        integers, self._integers = self._integers, []
        if word == b"R" and len(integers) == _PAIR:
            if min(integers[0][1], integers[1][1]) < 0:  # only some readers take it
                self._problem("bad-token")
            self._drop(integers)
            self._add(Reference(integers[0][0], integers[1][0]))
        elif word in _CONSTANTS:
            self._add(_CONSTANTS[word])
        elif word.startswith(b"obj") and len(integers) == _PAIR and min(integers[0]) >= 0:
            self._drop(integers)
            self._parsed.header = integers[0][:2]
            self._parsed.end = b"obj"
            self._source.pos -= len(word) - len(b"obj")
            return True
        else:
            self._problem("bad-token")
            if len(word) > MAX_TOKEN // 16:
                self._problem("endless-token")
            self._add(Keyword(word[:32]))
        return False

    def _end(self, word: bytes) -> bool:
        """End the object at a word, even one that is glued to what follows."""
        self._parsed.end = word
        if word not in (b"endobj", b"stream"):
            self._source.pos -= len(word)  # it means something by itself
        return True

    def _drop(self, integers: list[tuple[int, int, bool]]) -> None:
        """Remove the last values: they belong to a reference or to a header."""
        count = sum(added for _, _, added in integers)
        if count:
            del self._top.items[-count:]
            self._kept -= count

    def _add(self, value: Value) -> bool:
        """Keep a value; return whether the limit allowed it."""
        if self._too_deep or (self._kept >= MAX_VALUES and not self._worth_keeping(value)):
            return False
        if self._kept >= MAX_KEPT:
            self._problem("too-many-values")
            return False
        self._kept += 1
        self._top.items.append(value)
        return True

    def _add_text(self, head: bytes, *, cut: bool) -> None:
        self._bytes += len(head)
        is_long = self._bytes > MAX_BYTES and len(head) > _CUT_BYTES
        self._add(Text(head[:_CUT_BYTES] if is_long else head, cut or is_long))

    def _worth_keeping(self, value: Value) -> bool:
        return self._top.is_dictionary or isinstance(value, (Name, Reference, list, Dictionary))

    def _open(self, *, is_dictionary: bool) -> None:
        if self._too_deep or len(self._stack) > MAX_DEPTH:
            self._too_deep += 1
            self._problem("too-deep")
            return
        self._top = _Frame(is_dictionary=is_dictionary)
        self._stack.append(self._top)
        self._dictionaries += is_dictionary

    def _close(self, *, is_dictionary: bool) -> None:
        if self._too_deep:
            self._too_deep -= 1
            return
        if len(self._stack) > 1 and self._top.is_dictionary != is_dictionary:
            self._problem("unbalanced")
            if is_dictionary and self._dictionaries:
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
        self._dictionaries -= frame.is_dictionary
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
        pairs = pair(items)
        self._spend(3 + len(items) // 4 + pairs.moved)
        if not pairs.sound:
            self._problem("bad-dictionary")
        return Dictionary(pairs.entries, escaped=pairs.escaped)

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
        self._parsed.value = items[0] if len(items) == 1 else most_telling(items)
