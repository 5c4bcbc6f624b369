"""Limits on the inspection of PDFs inside PDFs, and reports about the others."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pdfsluice.core import BY_ITSELF, FindingKind, Unscanned
from pdfsluice.plugins.pdf.vocabulary import RawFinding, Within

from .attachments import AttachedPdf
from .messages import Inspection, unscanned
from .triggers import Triggers

MAX_NESTED = 100
"""Attached PDFs that are looked into, those in attached ones included."""
MAX_NESTED_BYTES = 128 * 1024 * 1024
"""Bytes of all of them together."""
MAX_DEPTH = 3
"""How many documents may stand around one that is looked into."""

REPORTED = frozenset(
    {
        FindingKind.JAVASCRIPT,
        FindingKind.LAUNCH,
        FindingKind.EXECUTABLE,
        FindingKind.EMBEDDED_FILES,
        FindingKind.FORMS_XFA,
        FindingKind.SUBMIT_FORM,
        FindingKind.GOTO_REMOTE,
        FindingKind.IMPORT_DATA,
        FindingKind.RICH_MEDIA,
        FindingKind.MALFORMED,
        FindingKind.RESOURCE_LIMIT,
    }
)
"""What is reported about attached PDFs. Links, forms and the like are properties of a document that
was not uploaded itself; encryption matters only if it hides the rest, which is reported."""


@dataclass(slots=True)
class Nesting:
    """The remaining budget for PDFs inside one file."""

    documents: int = MAX_NESTED
    size: int = MAX_NESTED_BYTES
    depth: int = 0

    def take(self, attached: AttachedPdf) -> bool:
        """Count an attached PDF; return whether it may be inspected."""
        if self.depth >= MAX_DEPTH or self.documents < 1 or self.size < len(attached.content):
            return False
        self.documents -= 1
        self.size -= len(attached.content)
        return True


def opens_attachments(triggers: Triggers) -> bool:
    """Return whether a document opens another one, which may be attached, by itself."""
    return any(
        kind is FindingKind.GOTO_REMOTE and not causes.isdisjoint(BY_ITSELF)
        for (kind, _), causes in triggers.items()
    )


def not_looked_into(attached: AttachedPdf) -> Unscanned:
    """Report that an attached PDF is beyond the limits."""
    return unscanned(
        reason="nested-document",
        number=attached.object,
        message=f"{_shown(attached)} is itself a PDF; it was not checked.",
    )


def findings_within(
    attached: AttachedPdf, inspection: Inspection, offset: int | None, *, opens: bool
) -> Iterator[RawFinding]:
    """Yield findings in an attached PDF as findings in the outer document."""
    for finding in inspection.findings:
        if finding.kind not in REPORTED:
            continue
        inner = finding.within
        name = attached.name if inner is None else f"{attached.name}/{inner.name}"
        within = Within(
            name=name,
            object=attached.object,
            offset=offset,
            opens=opens and (inner is None or inner.opens),
        )
        yield replace(finding, within=within)


def unscanned_within(attached: AttachedPdf, inspection: Inspection) -> Iterator[Unscanned]:
    """Yield unscanned content of an attached PDF."""
    for item in inspection.unscanned:
        yield unscanned(
            reason="nested-document",
            number=attached.object,
            message=f"In {_shown(attached, begins=False)}: {item.message}",
        )


def _shown(attached: AttachedPdf, *, begins: bool = True) -> str:
    if not attached.name:
        return "An attachment" if begins else "an attachment"
    return f"{'The' if begins else 'the'} attachment {attached.name!r}"
