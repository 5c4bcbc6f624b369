"""What neither the streaming pass nor the deep pass could read."""

from collections.abc import Sequence
from typing import Final

from pdfsluice.core import Finding, FindingKind, Revision, Session, Unscanned
from pdfsluice.plugins.pdf.actions import ACTIONS
from pdfsluice.plugins.pdf.vocabulary import DAMAGED_ACTION, READ_DIFFERENTLY, RawFinding
from pdfsluice.plugins.pdf.wording import to_finding

from .messages import OBJECT_STREAM, STAGE, UNOPENABLE, Inspection

_NOT_READ: Final = frozenset({"unknown-filter", "damaged", "limit", "encrypted"})
"""Reasons of the streaming pass for an object stream that it could not read."""
_PASSED: Final = frozenset({"flood", "values", "crowd"})
"""Reasons of the streaming pass for parts that only a complete walk makes up for."""
_UNOPENED: Final = frozenset({UNOPENABLE, "crashed"})
"""Reasons of the deep pass for a file that it could not open."""
_INERT: Final = frozenset(
    {
        FindingKind.OPEN_ACTION,
        FindingKind.FORMS_ACROFORM,
        FindingKind.MALFORMED,
        FindingKind.RICH_MEDIA,
    }
)
"""Kinds of findings that run nothing; what an event runs is a finding of its own."""
_NO_DOCUMENT: Final = frozenset(
    {"not-a-pdf", "root-missing", "truncated", "startxref-missing", "xref-missing"}
    | READ_DIFFERENTLY
)
"""Codes of damage after which it is not known that all of a document was read."""
_WEB: Final = ("http://", "https://", "mailto:")
_SCRIPTS: Final = frozenset({FindingKind.JAVASCRIPT, FindingKind.FORMS_XFA})
_EVENTS: Final = frozenset({FindingKind.OPEN_ACTION, FindingKind.ADDITIONAL_ACTIONS})
"""Kinds of findings by which something runs; if syntax is broken, readers differ about what."""
_ACTIVE: Final = frozenset(action.kind for action in ACTIONS.values()) | _SCRIPTS
"""Kinds of findings that an event or a reader can run."""
_MAX_COMPARED: Final = 100
"""Findings of a kind up to which both passes report every object."""


def unread_parts(
    inspection: Inspection, questions: Sequence[Unscanned], session: Session
) -> tuple[list[Unscanned], list[Finding]]:
    """Return the parts that both passes left unread, and findings about them.

    An object stream that one of the passes has read is read.

    Args:
        inspection: The result of the deep pass.
        questions: What the streaming pass could not see.
        session: The upload, with the findings so far.
    """
    streamed = "pdf_version" in session.facts  # the streaming pass has reported
    unread_while_streaming = {item.object for item in questions if item.reason in _NOT_READ}
    entries = [
        item
        for item in inspection.unscanned
        if item.reason != OBJECT_STREAM or not streamed or item.object in unread_while_streaming
    ]
    streams = [item for item in entries if item.reason == OBJECT_STREAM]
    findings: list[Finding] = []
    if inspection.hides_objects and not (streamed and not questions and _is_inert(session)):
        message = "Objects are listed in a way that only some readers follow, and were not checked"
        findings.append(_finding(message))
    if inspection.complete and streams:
        findings += _unread_before(session)
        numbers = {each.object for each in findings}
        findings += (
            _finding("An object stream cannot be read", item.object)
            for item in streams
            if item.object not in numbers
        )
    elif inspection.complete:
        findings += (
            each for each in _unread_before(session) if each.details.get("reason") == DAMAGED_ACTION
        )
        findings += (
            _finding("An action was seen by one pass only, and what runs it is not known", number)
            for number in _seen_once(inspection, session)
        )
    elif any(item.reason in _UNOPENED for item in inspection.unscanned):
        if streamed and not questions and _is_inert(session):
            return [], []
        findings.append(_finding("The whole document could not be opened to be checked"))
    elif not any(each.kind is FindingKind.ENCRYPTED for each in inspection.findings):
        findings += _unfinished(questions, session)
    return entries, findings


def _unread_before(session: Session) -> Sequence[Finding]:
    return [each for each in session.findings if each.kind == FindingKind.UNREAD]


def _unfinished(questions: Sequence[Unscanned], session: Session) -> list[Finding]:
    """Return findings about what is unknown because the deep pass did not end."""
    if any(item.reason in _PASSED for item in questions):
        return [_finding("A part of the document was read by neither pass")]
    scripts = [
        each.object
        for each in session.findings
        if each.kind in _SCRIPTS and each.revision is Revision.CURRENT and each.trigger is None
    ]
    message = "There was no time to find out what runs a script of the document"
    return [_finding(message, number) for number in scripts[:1]]


def _is_inert(session: Session) -> bool:
    """Return whether the streaming pass read everything and found no active content.

    What runs an action is known for certain only after the deep pass. Therefore a file that
    did not open must have no action except links to the web, whatever runs them.
    """
    return all(
        (each.kind in _INERT and each.details.get("code") not in _NO_DOCUMENT)
        or (
            each.kind == FindingKind.EXTERNAL_REFERENCES_URI
            and each.excerpt.lower().startswith(_WEB)
        )
        for each in session.findings
    )


def _seen_once(inspection: Inspection, session: Session) -> Sequence[int | None]:
    """Return objects with an action that only the streaming pass has seen.

    Readers differ about such an object: a reference to another generation, for instance. Of a
    file that was repaired, every action counts: the copy must not lack what a reader finds.
    """
    numbers: list[int | None] = []
    for kind in sorted(_kinds_compared(inspection, session)):
        streamed = [
            each.object
            for each in session.findings
            if each.kind == kind
            and each.revision is Revision.CURRENT
            and (each.trigger is None or kind not in _SCRIPTS or inspection.repaired)
        ]
        walked = {each.object for each in inspection.findings if each.kind is kind}
        if inspection.repaired or max(len(streamed), len(walked)) < _MAX_COMPARED:
            numbers += (each for each in streamed if each not in walked)
    return numbers[:1]


def _kinds_compared(inspection: Inspection, session: Session) -> frozenset[FindingKind]:
    if inspection.repaired:
        return _ACTIVE
    codes = {each.details.get("code") for each in session.findings}
    return _SCRIPTS if READ_DIFFERENTLY.isdisjoint(codes) else _SCRIPTS | _EVENTS


def _finding(message: str, number: int | None = None) -> Finding:
    raw = RawFinding(kind=FindingKind.UNREAD, object=number, hidden=True, message=message)
    return to_finding(raw, STAGE)
