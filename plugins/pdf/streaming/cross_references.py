"""Cross-reference sections and their truth (ISO 32000-2, 7.5.4 to 7.5.8)."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from pdfsluice.plugins.pdf.syntax.numbers import MAX_NUMBER, NumberSet
from pdfsluice.plugins.pdf.syntax.observer import PlainObjects, XrefSection
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Reference, Value

MAX_OBJECTS = 500_000
"""Objects whose offsets are remembered; beyond, nothing is reported about the table."""
MAX_SECTIONS = 5_000
MAX_ENTRIES = 400_000
"""Entries kept of all sections together."""
MAX_UNSEEN = 100
"""Most entries kept that lead to an offset at which no object was seen."""
MAX_ROOTS = 100
"""Trailers of which the catalogue is remembered."""
_MAX_WIDTH = 8
_MAX_STORED = 0xFFFFFFFF


class CrossReferences:
    """Where objects are, and where cross-reference sections put them.

    Attributes:
        root: What the newest trailer names as the catalogue.
        roots: What the trailers name, in file order; of many, the first.
        unseen: Number and offset of entries, of any section, that lead to an offset at which no
            object was seen. A reader may find one there: inside of a stream, for instance.
        lost: Whether there is a section that was not found, or an entry that was not compared.
    """

    def __init__(self) -> None:
        self._offsets = array("Q")
        self._numbers = array("I")
        self._leads = array("B")
        self._sections: dict[int, XrefSection] = {}
        self._by_start: list[int] = []
        self._latest: XrefSection | None = None
        self._entries = 0
        self._complete = True
        self._watched: set[int] = set()
        self._effective: dict[int, set[int]] = {}  # number -> offsets
        self._containers: dict[int, set[int]] = {}  # number -> numbers of object streams
        self._freed: set[int] = set()
        self._settled = NumberSet()
        self._listed = array("Q")
        self._judged = False
        self._wrong: int | None = None
        self._too_high: int | None = None
        self.root: Value = None
        self.roots: list[Value] = []
        self.unseen: list[tuple[int, int]] = []
        self.lost = False

    def object_at(self, number: int, offset: int, lead: int) -> None:
        """Remember where an object begins; objects come in file order."""
        if len(self._offsets) < MAX_OBJECTS:
            self._offsets.append(offset)
            self._numbers.append(min(number, _MAX_STORED))
            self._leads.append(min(lead, 255))
        else:
            self._complete = False

    @property
    def first_object(self) -> int | None:
        """Where the first object begins, if any has been seen."""
        return self._offsets[0] if self._offsets else None

    def lead_of_latest(self) -> int:
        """Return the size of the white space before the latest object."""
        return self._leads[-1] if self._leads else 0

    def objects_at(self, batch: PlainObjects) -> None:
        """Remember where many objects begin."""
        if len(self._offsets) + len(batch.numbers) > MAX_OBJECTS:
            for number, offset, lead in zip(batch.numbers, batch.offsets, batch.leads, strict=True):
                self.object_at(number, offset, lead)
            return
        self._offsets.extend(batch.offsets)
        self._numbers.extend([min(number, _MAX_STORED) for number in batch.numbers])
        self._leads.extend([min(lead, 255) for lead in batch.leads])

    def add(self, section: XrefSection) -> None:
        """Remember a section."""
        self._entries += len(section.numbers)
        self.lost |= section.cut
        if max(section.numbers, default=0) > MAX_NUMBER:
            self._too_high = section.offset
        if len(self._sections) >= MAX_SECTIONS or self._entries > MAX_ENTRIES:
            self._complete = False
            return
        self._sections[section.offset] = section
        self._latest = section

    def incomplete(self) -> None:
        """Note that not everything was seen: the table cannot be judged."""
        self._complete = False

    def trailer(self, dictionary: Dictionary) -> None:
        """Remember the trailer of the latest section."""
        root = dictionary.get(b"Root")
        if root is not None and len(self.roots) < MAX_ROOTS:
            self.roots.append(root)
        if self._latest is not None and self._latest.trailer is None:
            self._latest.trailer = dictionary

    def watch(self, number: int) -> None:
        """Watch an object, whose position is asked for after judging."""
        self._watched.add(number)

    def is_current(self, number: int, offset: int | None, container: int | None) -> bool:
        """Return whether the judged table has a watched object at an offset.

        Where a table and its hybrid part (7.5.8.4) differ, readers do too: both count.

        Args:
            number: Number of the object.
            offset: Its offset, or that of the object stream that contains it.
            container: Number of that object stream, if one does.
        """
        if container is not None:
            return container in self._containers.get(number, ())
        return offset in self._effective.get(number, ())

    @property
    def sections(self) -> Iterable[XrefSection]:
        """All sections that were seen."""
        return self._sections.values()

    @property
    def sound(self) -> bool:
        """Whether no reader has a reason to rebuild the table, which has been judged."""
        return self._judged and self._complete and not self.lost and self._wrong is None

    def lists_between(self, start: int, stop: int) -> bool:
        """Return whether the judged table lists an object in ``(start, stop]``."""
        return any(start < offset <= stop for offset in self._listed)

    def points_nowhere(self, number: int) -> bool:
        """Return whether the table gives offset 0 for an object that is not there."""
        first = self._numbers[0] if self._offsets and self._offsets[0] == 0 else None
        return self._effective.get(number) == {0} and first != number

    def is_freed(self, number: int) -> bool:
        """Return whether the newest section with a watched object marks it as deleted.

        A reader that rebuilds the table finds it all the same.
        """
        return number in self._freed and self.sound

    def judge(self, startxref: int, offset: int, shift: int) -> Iterator[tuple[str, int]]:
        """Follow the chain of sections and compare it with what is there.

        Args:
            startxref: The offset given for the newest section.
            offset: Where that offset stands.
            shift: Offset of the header, from which some writers count.

        Yields:
            Codes of problems, with an offset for each.
        """
        self._judged = True
        if self._too_high is not None:
            yield "number-too-high", self._too_high
        self.lost |= not self._complete
        if not self._sections:
            self.lost = True
            yield "xref-missing", offset
            return
        section = self._find(startxref)
        if section is None and shift and (section := self._find(startxref + shift)):
            pass
        else:
            shift = 0
        if section is None:
            self.lost = True
            yield "startxref-wrong", offset
            self._compare_others(set(), shift)
            return
        if section.trailer is not None:
            self.root = section.trailer.get(b"Root")
            if isinstance(self.root, Reference):
                self.watch(self.root.number)
            if self.root is None or not isinstance(section.trailer.get(b"Size"), int):
                yield "trailer-damaged", section.offset
        yield from self._follow(section, shift)
        if self._wrong is not None and self._complete:
            yield "xref-wrong", self._wrong

    def _find(self, offset: int) -> XrefSection | None:
        """Return the section at an offset, or after white space at an offset."""
        if offset in self._sections:
            return self._sections[offset]
        if not self._by_start:
            self._by_start = sorted(self._sections)
        index = bisect_left(self._by_start, offset)
        if index == len(self._by_start):
            return None
        section = self._sections[self._by_start[index]]
        return section if section.offset - section.lead <= offset else None

    def _follow(self, section: XrefSection, shift: int) -> Iterator[tuple[str, int]]:
        waiting: list[tuple[XrefSection, int]] = [(section, 0)]
        visited: set[int] = set()
        while waiting:
            current, _ = waiting.pop()
            if current.offset in visited:
                yield "xref-wrong", current.offset
                break
            visited.add(current.offset)
            hybrid = self._hybrid(current, shift)
            self._take([current] if hybrid is None else [current, hybrid], shift)
            if current.trailer is None:
                yield "trailer-missing", current.offset
                continue
            for key in (b"Prev", b"XRefStm"):  # the hybrid part is taken first
                offset = current.trailer.get(key)
                if not isinstance(offset, int) or isinstance(offset, bool):
                    self.lost |= offset is not None
                    continue
                before = self._find(offset + shift)
                if before is None:
                    if offset or key == b"XRefStm":
                        self.lost = True
                        yield "xref-wrong", current.offset
                elif key == b"Prev" or before.offset not in visited:
                    waiting.append((before, offset))
        self._compare_others(visited, shift)

    def _hybrid(self, section: XrefSection, shift: int) -> XrefSection | None:
        """Return the cross-reference stream that belongs to a table (7.5.8.4)."""
        offset = section.trailer.get(b"XRefStm") if section.trailer is not None else None
        return self._find(offset + shift) if isinstance(offset, int) else None

    def _take(self, sections: Sequence[XrefSection], shift: int) -> None:
        """Add the entries of a table and its hybrid part that no newer section has."""
        numbers: list[int] = []
        live: set[int] = set()
        for section in sections:
            self._take_used(section, shift, numbers, live)
        for section in sections:
            for number in section.freed:
                if number not in self._settled:
                    numbers.append(number)
                    if number in self._watched and number not in live:
                        self._freed.add(number)
        self._settled.update(numbers)

    def _take_used(
        self, section: XrefSection, shift: int, numbers: list[int], live: set[int]
    ) -> None:
        """Let the entries in use of a section count if no newer section has one."""
        settled, watched = self._settled, self._watched
        self._listed.extend(offset + shift for offset in section.offsets)
        for number, offset in zip(section.numbers, section.offsets, strict=True):
            there = self._compare(number, offset, shift)
            if number in settled:
                continue
            numbers.append(number)
            if number in watched:
                live.add(number)
                self._effective.setdefault(number, set()).add(offset + shift)
            if self._wrong is None and not there:
                self._wrong = offset
        for number, container in zip(section.compressed, section.containers, strict=True):
            if number not in settled:
                numbers.append(number)
                if number in watched:
                    live.add(number)
                    self._containers.setdefault(number, set()).add(container)

    def _compare_others(self, offsets: set[int], shift: int) -> None:
        """Compare the sections that nothing leads to; a reader may take one of them."""
        for section in self._sections.values():
            if section.offset not in offsets:
                for number, offset in zip(section.numbers, section.offsets, strict=True):
                    self._compare(number, offset, shift)

    def _compare(self, number: int, offset: int, shift: int) -> bool:
        """Return whether an entry's object is at its offset; remember offsets without one."""
        position = offset + shift
        if not offset or self._is_at(number, position):
            return True
        if self._complete and not self._was_read(position):
            if len(self.unseen) < MAX_UNSEEN:
                self.unseen.append((number, position))
            else:
                self.lost = True
        return False

    def _is_at(self, number: int, offset: int) -> bool:
        """Return whether an object begins at an offset, white space aside."""
        index = bisect_left(self._offsets, offset)
        return (
            index < len(self._offsets)
            and self._numbers[index] == number
            and self._offsets[index] - self._leads[index] <= offset
        )

    def _was_read(self, offset: int) -> bool:
        """Return whether a reader finds an object that was seen at an offset."""
        index = bisect_left(self._offsets, offset)
        if index < len(self._offsets) and self._offsets[index] - self._leads[index] <= offset:
            return True
        if not index:
            return False
        digits = len(str(self._numbers[index - 1]))  # the offset may be wrong by one or two
        return offset < self._offsets[index - 1] + digits


def read_xref_stream(section: XrefSection, dictionary: Dictionary, data: bytes, limit: int) -> str:
    """Read the entries of a cross-reference stream (7.5.8.3) into a section.

    Returns:
        An empty string, or the code of what is wrong with it.
    """
    widths = dictionary.get(b"W")
    size = dictionary.get(b"Size")
    index = dictionary.get(b"Index")
    if not isinstance(widths, list) or len(widths) < 3:  # noqa: PLR2004 - three fields
        return "xref-stream-damaged"
    if index is None:
        index = [0, size]
    fields = [w if isinstance(w, int) and 0 <= w <= _MAX_WIDTH else -1 for w in widths[:3]]
    if min(fields) < 0 or not isinstance(index, list):
        return "xref-stream-damaged"
    row = sum(fields)
    ranges = [n if isinstance(n, int) and 0 <= n <= _MAX_STORED else 0 for n in index]
    expected = row * sum(ranges[1::2])
    _read_rows(section, data, fields, ranges, limit)
    return "" if len(data) == expected else "xref-stream-size"


def _read_rows(
    section: XrefSection, data: bytes, fields: list[int], ranges: list[int], limit: int
) -> None:
    kind_width, second_end, row = fields[0], fields[0] + fields[1], sum(fields)
    numbers, offsets = array("Q"), array("Q")
    position = 0
    if row == 0:
        return
    last = min(len(data) // row, limit)
    section.cut |= len(data) // row > limit
    for first, count in zip(ranges[::2], ranges[1::2], strict=False):
        for number in range(first, first + min(count, last - position // row)):
            kind = int.from_bytes(data[position : position + kind_width]) if kind_width else 1
            second = int.from_bytes(data[position + kind_width : position + second_end])
            position += row
            if kind == 1:
                numbers.append(number)
                offsets.append(second)
            elif kind == 2:  # noqa: PLR2004 - in an object stream, table 18
                section.compressed.append(number)
                section.containers.append(second)
                if second_end < row:
                    section.indexes.append(
                        int.from_bytes(data[position - row + second_end : position])
                    )
            elif kind == 0 and len(section.freed) < limit // 10:
                section.freed.append(number)
    section.numbers, section.offsets = numbers, offsets
