"""The message about the text of a document at the end of its import."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pdfsluice.core.documents.text.page_ranges import page_count, page_ranges


@dataclass(slots=True)
class TextReport:
    """The pages of a document that were read, and those that were not.

    Attributes:
        pages: How many pages were read, empty ones included.
        unreadable: Numbers of the pages that every extractor failed on.
        garbled: Numbers of the pages whose text no font maps to characters.
        hidden: Numbers of the pages with text that a person cannot see.
        keeps_hidden: Whether such text is stored.
        total: How many pages the document has; ``None`` if that is not known.
        limit: Why the text ends early, as a clause; empty if it does not.
        notes: Sentences about the document that its pages do not show.
    """

    pages: int = 0
    unreadable: list[int] = field(default_factory=list)
    garbled: list[int] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    keeps_hidden: bool = False
    total: int | None = None
    limit: str = ""
    notes: list[str] = field(default_factory=list)

    def message(self) -> str:
        """Return the report in sentences."""
        sentences = [self._main(), *self._gaps(), *self.notes]
        return " ".join(filter(None, sentences))

    def _main(self) -> str:
        if self.limit:
            return f"The text ends with page {self.pages}; the rest is left out: {self.limit}."
        failed = len(self.unreadable)
        skipped = f"; {failed} of them cannot be read" if failed else ""
        return f"The text of {page_count(self.pages)} is read{skipped}."

    def _gaps(self) -> Iterable[str]:
        if self.garbled:
            yield f"{page_ranges(self.garbled)}: no font maps the text to characters."
        if self.hidden:
            fate = "" if self.keeps_hidden else " is left out"
            yield f"{page_ranges(self.hidden)}: text that cannot be seen{fate}."
        if self.total is not None and self.pages < self.total and not self.limit:
            missing = range(self.pages + 1, self.total + 1)
            yield f"{page_ranges(missing)} of {self.total} cannot be found in the file."
