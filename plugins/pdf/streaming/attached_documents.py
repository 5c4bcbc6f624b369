"""Uncompressed attached PDFs, whose objects look like those of the file itself."""

from typing import Final

from pdfsluice.plugins.pdf.syntax.body import CHECKED
from pdfsluice.plugins.pdf.syntax.values import Dictionary

from .cross_references import CrossReferences

MAX_DOCUMENTS: Final = 1000
"""Such attachments that are remembered."""
_HEADER: Final = b"%PDF-"


class AttachedDocuments:
    """Remembers the attachments whose objects may have been read as those of the file.

    The walk cannot know where such a stream ends if its length stands in a later object, or is
    too large to be in view. What is inside of it counts only if the cross-reference table leads
    there, or if the table is such that readers rebuild it from the objects they find.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []

    def __bool__(self) -> bool:
        """Whether what has been seen since may be part of an attachment."""
        return bool(self._starts)

    def see(self, offset: int, dictionary: Dictionary, raw: bytes) -> None:
        """Note the start of an attachment's data, and the offset of its object."""
        length = dictionary.get(b"Length")
        in_view = isinstance(length, int) and length <= CHECKED
        if not in_view and _HEADER in raw and len(self._starts) < MAX_DOCUMENTS:
            self._starts.append(offset)

    def holds(self, offset: int | None, xrefs: CrossReferences) -> bool:
        """Whether an offset belongs to an attachment, by the judged table.

        That is so if the table is sound and lists no object between the attachment and it.
        """
        if offset is None or not xrefs.sound:
            return False
        return any(
            start < offset and not xrefs.lists_between(start, offset) for start in self._starts
        )
