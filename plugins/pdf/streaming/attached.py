"""Attachments, from file specifications and their data (ISO 32000-2, 7.11.4)."""

from collections.abc import Callable
from typing import Final

from pdfsluice.core import FindingKind, Trigger
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Reference, Value
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .ledger import Ledger
from .rules import action_excerpt

MAX_ATTACHMENTS: Final = 10_000
"""Streams remembered as attachments before they come."""


class Maker:
    """A maker of raw findings about one dictionary."""

    __slots__ = ("_container", "_hidden", "_number", "_offset")

    def __init__(
        self, number: int | None, offset: int, container: int | None, *, hidden: bool
    ) -> None:
        self._number = number
        self._offset = offset
        self._container = container
        self._hidden = hidden or container is not None

    def __call__(
        self, kind: FindingKind, *, trigger: Trigger | None = None, excerpt: str = ""
    ) -> RawFinding:
        """Return a raw finding of a kind at the position of the dictionary."""
        return RawFinding(
            kind=kind,
            offset=self._offset,
            object=self._number,
            container=self._container,
            hidden=self._hidden,
            trigger=trigger,
            excerpt=excerpt,
        )


class Attachments:
    """The attachments of one file.

    Args:
        ledger: Where the findings are kept.
        wanted: Numbers of attached streams are added to it.

    Attributes:
        crowded: Whether there were more than are remembered.
    """

    def __init__(self, ledger: Ledger, wanted: set[int]) -> None:
        self._ledger = ledger
        self._wanted = wanted
        self._specifications: dict[int, RawFinding] = {}  # stream -> file specification
        self._bare: set[int] = set()  # ids of findings of attached streams
        self.crowded = False

    def __contains__(self, number: int) -> bool:
        """Return whether a stream is known as an attachment."""
        return number in self._specifications

    def look_at(
        self,
        entry: Dictionary,
        make: Maker,
        report_unless_empty: Callable[[Value, RawFinding], None],
    ) -> None:
        """Report a dictionary that names an attachment or belongs to one.

        Args:
            report_unless_empty: Reports a finding unless what it is about turns out to be empty.
        """
        for value in entry.every(b"EF"):
            finding = make(FindingKind.EMBEDDED_FILES, excerpt=action_excerpt(None, entry))
            report_unless_empty(value, finding)
            if isinstance(value, Dictionary):
                for _, file in value.entries:
                    if isinstance(file, Reference):
                        self._remember(file.number, finding)
        if b"EmbeddedFile" in entry.names(b"Type"):
            bare = make(FindingKind.EMBEDDED_FILES)
            if self._ledger.add(bare):
                self._bare.add(id(bare))

    def specification_of(self, finding: RawFinding) -> RawFinding | None:
        """Return the file specification that names the stream of a finding."""
        if id(finding) not in self._bare or finding.object is None:
            return None
        return self._specifications.get(finding.object)

    def _remember(self, number: int, finding: RawFinding) -> None:
        if len(self._specifications) < MAX_ATTACHMENTS:
            self._specifications[number] = finding
            self._wanted.add(number)
        else:
            self.crowded = True
