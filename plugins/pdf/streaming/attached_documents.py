"""Uncompressed attached PDFs, whose objects look like those of the file itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pdfsluice.plugins.pdf.syntax.body import CHECKED
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Reference, Value
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .cross_references import CrossReferences

MAX_DOCUMENTS: Final = 1000
"""Such attachments that are remembered."""
MAX_HELD: Final = 10_000
"""Findings that wait until it is known where an attachment ends."""
_HEADER: Final = b"%PDF-"
_MAX_TAIL: Final = 64
"""Bytes between the data of a stream and the object with its length, if that follows."""


@dataclass(slots=True)
class _Attached:
    """Where the object and the data of an attachment begin, and where the data ends."""

    start: int
    data: int
    length: int | None
    end: int | None = None


class AttachedDocuments:
    """The attachments whose objects may have been read as those of the file.

    The walk cannot know where such a stream ends if its length stands in a later object, or is
    too large to be in view. What is inside of it counts only if the cross-reference table leads
    there, or if the table is such that readers rebuild it from the objects they find.

    Args:
        wanted: Numbers of objects that hold the length of one are added to it.
    """

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted
        self._attached: list[_Attached] = []
        self._held: list[RawFinding] = []

    def see(self, offset: int, begin: int, dictionary: Dictionary, raw: bytes) -> None:
        """See the beginning of the data of an attachment.

        Args:
            offset: Where its object begins.
            begin: Where its data begins.
            dictionary: Its dictionary.
            raw: The beginning of its data.
        """
        length = dictionary.get(b"Length")
        in_view = isinstance(length, int) and length <= CHECKED
        if in_view or _HEADER not in raw or len(self._attached) >= MAX_DOCUMENTS:
            return
        attached = _Attached(
            offset, begin, length.number if isinstance(length, Reference) else None
        )
        if isinstance(length, int):
            attached.end = begin + length
        elif attached.length is not None:
            self._wanted.add(attached.length)
        self._attached.append(attached)

    def learn(self, number: int, offset: int, value: Value) -> None:
        """See an object, which may be the length of the attachment before it.

        An object of the same number inside the attachment does not end it: its value would have
        to be its own distance from the beginning.
        """
        if not isinstance(value, int):
            return
        for attached in self._attached:
            end = attached.data + value
            if attached.length == number and 0 <= offset - end <= _MAX_TAIL:
                attached.end = end

    def outside(self, new: Sequence[RawFinding]) -> Sequence[RawFinding]:
        """Return what is certain to be part of the file: new, or held back until now."""
        if not self._attached:
            return new
        pending = [*self._held, *new][-MAX_HELD:]
        if any(attached.end is None for attached in self._attached):
            first = min(each.start for each in self._attached if each.end is None)
            self._held = [each for each in pending if (each.offset or 0) >= first]
            pending = [each for each in pending if (each.offset or 0) < first]
        else:
            self._held = []
        return [each for each in pending if not self._is_inside(each.offset or 0)]

    def _is_inside(self, offset: int) -> bool:
        return any(
            each.start < offset and (each.end is None or offset < each.end)
            for each in self._attached
        )

    def holds(self, offset: int | None, xrefs: CrossReferences) -> bool:
        """Return whether an offset belongs to an attachment, by the judged table.

        That is so if the table is sound and lists no object between the attachment and it.
        """
        if offset is None or not xrefs.sound:
            return False
        return any(
            each.start < offset and not xrefs.lists_between(each.start, offset)
            for each in self._attached
        )
