"""What relative addresses are relative to (ISO 32000-2, table 211)."""

from collections.abc import Iterable
from typing import Final

from pdfsluice.core import FindingKind
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Reference, Text, Value
from pdfsluice.plugins.pdf.targets import is_unusual_address
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .codes import text_of

MAX_BASES: Final = 100
"""Base addresses that are kept apart; a document has one."""
_UNKNOWN: Final = "unknown:"
"""Stands for a base that was not seen, which may be any."""


class Addresses:
    """All base addresses of a file; which of them counts differs among readers.

    Args:
        wanted: Numbers of objects that hold a base address are added to it.
    """

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted
        self._bases: list[str] = []
        self._expected: set[int] = set()

    def look_at(self, entry: Dictionary) -> None:
        """See a dictionary, which may give a base address."""
        for value in entry.every(b"Base"):
            if isinstance(value, Text):
                self._add(text_of(value.head))
            elif isinstance(value, Reference) and len(self._expected) < MAX_BASES:
                self._expected.add(value.number)
                self._wanted.add(value.number)

    def learn(self, number: int, value: Value) -> None:
        """See an object, which may be a base address."""
        if number in self._expected and isinstance(value, Text):
            self._expected.discard(number)
            self._add(text_of(value.head))

    def judge(self, findings: Iterable[RawFinding]) -> None:
        """Mark links that are unusual because of what they are relative to."""
        bases = [*self._bases, _UNKNOWN] if self._expected else self._bases
        if not bases:
            return
        for finding in findings:
            if finding.kind is FindingKind.EXTERNAL_REFERENCES_URI and any(
                is_unusual_address(finding.excerpt, base) for base in bases
            ):
                finding.subject = "unusual"

    def _add(self, base: str) -> None:
        if len(self._bases) < MAX_BASES:
            self._bases.append(base)
