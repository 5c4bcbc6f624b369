"""Visits every object of a file, reachable or not, in bounded time and memory."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import pikepdf
from pikepdf import Array, Dictionary, Object, Pdf, Stream, String

from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .attachments import Attachments
from .budget import Budget
from .kinds import INTERESTING, base_address, look_at
from .values import dictionary_of, name_of, number_of

_NAME = re.compile(rb"/[A-Za-z0-9]+")
_INDIRECT_NAME = re.compile(rb"/(?:S|Type|Subtype) \d+ \d+ R")
Opener = Callable[[], Pdf]
_Node = tuple[object, str, str]


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning of qpdf about the file."""

    text: str


class Walk:
    """One walk over one file.

    Args:
        opens: Opens the file, and again after many objects.
        attachments: Receives every embedded file.
        budget: Time for the whole inspection, and objects after which the file is reopened.

    Attributes:
        offsets: The offset of each object that has one: those outside of object streams.
        unread: Objects that could not be looked at, or not to their end.
    """

    def __init__(self, opens: Opener, attachments: Attachments, budget: Budget) -> None:
        self._opens = opens
        self._attachments = attachments
        self._budget = budget
        self._root = 0
        self._base = ""
        self._compressed: set[tuple[int, int]] = set()
        self.offsets: dict[int, int] = {}
        self.unread: list[int] = []
        self._object_streams: set[int] = set()

    def findings(self, pdf: Pdf) -> Iterator[RawFinding | Warned]:
        """Yield findings in all objects of the file, and warnings about damaged ones."""
        entries = pdf.get_xref_table()
        keys = list(entries)
        for key, entry in entries.items():
            if entry.obj_stream_number is not None:
                self._compressed.add(key)
                self._object_streams.add(entry.obj_stream_number)
            elif entry.offset is not None:
                self.offsets[key[0]] = entry.offset
        root = pdf.trailer.get("/Root")
        self._root = number_of(root, 0)
        self._base = base_address(root)
        yield from self._in_object(pdf.trailer, (0, 0))
        del entries
        for start in range(0, len(keys), self._budget.objects):
            batch = keys[start : start + self._budget.objects]
            if start == 0:
                yield from self._batch(pdf, batch)
            else:
                with closing(self._opens()) as again:
                    yield from self._batch(again, batch)

    def unreadable(self, pdf: Pdf, suspects: Collection[int] = ()) -> Iterator[int]:
        """Yield the object streams that cannot be decoded.

        Args:
            pdf: The open file.
            suspects: Numbers of objects that may be object streams, although no table names them.
        """
        pdf.get_warnings()  # from here on, a warning is about the stream at hand
        others = {number for number in suspects if _is_object_stream(pdf, number)}
        for number in sorted(self._object_streams | others):
            self._budget.spend()
            try:
                pdf.get_object((number, 0)).get_stream_buffer()
            except (pikepdf.PikepdfError, TypeError):
                yield number
            else:
                if pdf.get_warnings():
                    yield number

    def _batch(self, pdf: Pdf, keys: Sequence[tuple[int, int]]) -> Iterator[RawFinding | Warned]:
        for key in keys:
            self._budget.spend()
            try:
                value = pdf.get_object(key)
                if _interesting(value):
                    yield from self._in_object(value, key)
            except pikepdf.PikepdfError as error:
                yield Warned(str(error))
            except (ValueError, TypeError):  # pikepdf cannot convert what it read
                self.unread.append(key[0])
        warnings = [str(warning) for warning in pdf.get_warnings()]
        if any("reconstruct" in warning for warning in warnings):
            self._forget_moved(pdf)
        yield from map(Warned, warnings)

    def _forget_moved(self, pdf: Pdf) -> None:
        """Forget positions that the table no longer lists.

        qpdf makes a table of its own as soon as it meets an object that is not at its offset;
        what lay where only the file's own table led to was perhaps not read.
        """
        table = pdf.get_xref_table()
        now = {number: entry.offset for (number, _), entry in table.items()}
        self.offsets = {n: offset for n, offset in self.offsets.items() if now.get(n) == offset}

    def _in_object(self, target: Object, key: tuple[int, int]) -> Iterator[RawFinding]:
        """Inspect the dictionaries of one object, without those of other objects."""
        number = key[0]
        pending: list[_Node] = [(target, "", "")]
        while pending:
            value, name, parent = pending.pop()
            if isinstance(value, Array):
                pending.extend((item, name, parent) for item in value if _is_direct(item))
                continue
            node = dictionary_of(value)
            if node is None:
                continue
            hidden = key in self._compressed
            self._attachments.consider(value, node, number, hidden=hidden)
            root = (value is target and number == self._root) if number else name == "/Root"
            found_here = look_at(
                node, key=name, parent_key=parent, number=number, root=root, base=self._base
            )
            for finding in found_here:
                finding.hidden |= hidden
                finding.object = finding.object or None  # the trailer is no object
                yield finding
            pending.extend((item, below, name) for below, item in node.items() if _is_direct(item))


def _is_object_stream(pdf: Pdf, number: int) -> bool:
    try:
        value = pdf.get_object((number, 0))
    except (pikepdf.PikepdfError, ValueError):
        return False
    return isinstance(value, Stream) and name_of(value.stream_dict.get("/Type")) == "/ObjStm"


def _interesting(value: object) -> bool:
    """Return whether an object holds a name of interest, as normalized text."""
    if isinstance(value, Stream):
        value = value.stream_dict
        if isinstance(value.get("/F"), (Dictionary, String)):  # its data is in another file
            return True
    if not isinstance(value, (Dictionary, Array)):
        return False
    text = value.unparse(resolved=True)
    return (
        not INTERESTING.isdisjoint(_NAME.findall(text)) or _INDIRECT_NAME.search(text) is not None
    )


def _is_direct(value: object) -> bool:
    return isinstance(value, (Dictionary, Array)) and not value.is_indirect
