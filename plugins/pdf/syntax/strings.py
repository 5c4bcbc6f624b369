"""Reads strings with parentheses or stray bytes, or that are partly in view."""

import re
from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from .grammar import STRING_RUN
from .source import Source

HEAD: Final = 4096
"""Bytes kept of a string, as they stand in the file."""
MAX_OPEN: Final = 1024 * 1024
"""Bytes kept of a string for the case that it does not end."""
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f\x00\t\n\f\r ]*+")


class StringRead(NamedTuple):
    """A string, or the beginning of one.

    Attributes:
        head: The beginning.
        cut: Whether there is more.
        problems: Codes of its damage.
        rest: What follows its beginning to the end of the file, if it has no end; if that is
            too long to be kept, ``None``.
    """

    head: bytes
    cut: bool = False
    problems: frozenset[str] = frozenset()
    rest: bytes | None = b""


_Reader = Generator[None, None, StringRead]


def read_literal(source: Source, spend: Callable[[int], bool]) -> _Reader:
    """Read a literal string (ISO 32000-2, 7.3.4.2).

    Args:
        source: Stands after the opening parenthesis; afterwards, after the string.
        spend: Counts steps, and returns whether they are too many; then the string is cut.
    """
    depth = 1
    content = bytearray()
    size = 0

    def keep_up_to(stop: int) -> None:
        nonlocal size
        size += stop - source.pos
        if len(content) < MAX_OPEN:
            content.extend(source.data[source.pos : stop][: MAX_OPEN - len(content)])
        source.pos = stop

    while True:
        run = STRING_RUN.match(source.data, source.pos)
        keep_up_to(source.pos if run is None else run.end())
        byte = source.data[source.pos : source.pos + 1]
        if byte in (b"(", b")"):
            depth += 1 if byte == b"(" else -1
            if not depth:
                source.pos += 1
                break
            keep_up_to(source.pos + 1)
            if spend(1):
                break
        elif source.ended:
            keep_up_to(len(source.data))
            rest = bytes(content) if size == len(content) else None
            return StringRead(bytes(content[:HEAD]), True, frozenset({"truncated"}), rest)
        else:  # the end of what is in view, perhaps in the middle of an escape
            yield
    return StringRead(bytes(content[:HEAD]), cut=size > HEAD or bool(depth))


def read_hexadecimal(source: Source) -> _Reader:
    """Read a hexadecimal string (ISO 32000-2, 7.3.4.3) with stray bytes.

    Args:
        source: Stands after the opening bracket; afterwards, after the string.
    """
    head = bytearray()
    cut = False
    problems: set[str] = set()
    while True:
        end = source.data.find(b">", source.pos)
        stop = end if end >= 0 else len(source.data)
        room = HEAD - len(head)
        cut |= stop - source.pos > room
        head += source.data[source.pos : stop][:room]
        source.pos = stop
        if end >= 0:
            source.pos += 1
            break
        if source.ended:
            problems.add("truncated")
            break
        yield
    if not _HEXADECIMAL.fullmatch(head):
        problems.add("bad-token")
    return StringRead(bytes(head), cut=cut, problems=frozenset(problems))
