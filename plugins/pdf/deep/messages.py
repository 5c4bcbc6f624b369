"""What the child of the deep pass answers: plain values that pass through a pipe."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from pdfsluice.core import FindingKind, Severity, Trigger, Unscanned
from pdfsluice.plugins.pdf.vocabulary import RawFinding, Within

STAGE: Final = "pdf-deep"
OBJECT_STREAM: Final = "object-stream"
"""The reason for an object stream that could not be decoded."""
UNOPENABLE: Final = "malformed"
"""The reason for a file that could not be opened."""


def unscanned(reason: str, message: str, number: int | None = None) -> Unscanned:
    """Return an entry about content that the deep pass could not inspect.

    Args:
        reason: Kebab-case name, such as ``password`` or ``limit``.
        message: Why, in a sentence.
        number: Object number, if known.
    """
    return Unscanned(stage=STAGE, reason=reason, message=message, object=number)


@dataclass(slots=True, kw_only=True)
class Inspection:
    """The result of one inspection of a whole file.

    Attributes:
        complete: Whether the walk reached its end, which settles earlier questions except
            those in ``open_questions``.
        open_questions: Indexes of the questions that remain.
        dropped: Whether objects were left out; opening the file in another way shows them.
        hides_objects: Whether it lists objects in a way that qpdf does not follow.
        repaired: Whether it is that of a repaired copy of a file that does not open.
    """

    findings: list[RawFinding] = field(default_factory=list)
    unscanned: list[Unscanned] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    open_questions: list[int] = field(default_factory=list)
    dropped: bool = False
    hides_objects: bool = False
    repaired: bool = False

    def to_message(self) -> dict[str, Any]:
        """Return plain values for the pipe."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> "Inspection":
        """Restore what :meth:`to_message` returned."""
        return cls(
            findings=[_raw_finding(item) for item in message["findings"]],
            unscanned=[Unscanned(**item) for item in message["unscanned"]],
            facts=message["facts"],
            complete=message["complete"],
            open_questions=message["open_questions"],
            dropped=message["dropped"],
            hides_objects=message["hides_objects"],
            repaired=message["repaired"],
        )


def _raw_finding(item: Mapping[str, Any]) -> RawFinding:
    trigger, within, severity = item["trigger"], item["within"], item["severity"]
    return RawFinding(
        **{
            **item,
            "kind": FindingKind(item["kind"]),
            "trigger": None if trigger is None else Trigger(trigger),
            "severity": None if severity is None else Severity(severity),
            "within": None if within is None else Within(**within),
        }
    )
