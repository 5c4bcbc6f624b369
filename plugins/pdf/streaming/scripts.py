"""Scripts that are objects of their own, to which actions refer."""

from pdfsluice.plugins.pdf.syntax.values import Reference, Text, Value
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .codes import excerpt_of
from .events import FormatActions

MAX_TARGETS = 10_000
"""Scripts remembered before they come."""


class Scripts:
    """The scripts that findings refer to.

    Args:
        wanted: Numbers of objects that should be read closely are added to it.
        formats: Learns the text of scripts.
    """

    def __init__(self, wanted: set[int], formats: FormatActions) -> None:
        self._wanted = wanted
        self._formats = formats
        self._scripts: dict[int, RawFinding] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._scripts

    def expect(self, script: Value, finding: RawFinding) -> None:
        """Ask for the script of a finding if it is an object of its own."""
        if isinstance(script, Reference) and len(self._scripts) < MAX_TARGETS:
            self._scripts.setdefault(script.number, finding)
            self._wanted.add(script.number)

    def string(self, number: int, text: Text) -> None:
        """See an object that is a string; it may be a script."""
        finding = self._scripts.get(number)
        if finding is not None:
            self._learn(finding, text)

    def stream(self, number: int, head: Text) -> None:
        """See the decoded beginning of a stream; it may be a script."""
        finding = self._scripts.get(number)
        if finding is not None and not finding.excerpt:
            self._learn(finding, head)

    def _learn(self, finding: RawFinding, text: Text) -> None:
        finding.excerpt = excerpt_of(text.head)
        self._formats.script(finding, text)
