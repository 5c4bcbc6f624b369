"""What neither the streaming pass nor the deep pass could read."""

from collections.abc import Sequence
from typing import Final

from pdfsluice.core import Finding, FindingKind, Session, Unscanned
from pdfsluice.plugins.pdf.vocabulary import RawFinding
from pdfsluice.plugins.pdf.wording import to_finding

from .messages import STAGE, Inspection

OBJECT_STREAM: Final = "object-stream"
"""The reason of the deep pass for an object stream that it could not decode."""
_NOT_READ: Final = frozenset({"unknown-filter", "damaged", "limit", "encrypted"})
"""Reasons of the streaming pass for an object stream that it could not read."""
_PASSED: Final = frozenset({"flood", "values", "crowd"})
"""Reasons of the streaming pass for parts that only a complete walk makes up for."""
_UNOPENED: Final = frozenset({"malformed", "crashed"})
"""Reasons of the deep pass for a file that it could not open."""


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
    if inspection.complete and streams:
        findings += (each for each in session.findings if each.kind == FindingKind.UNREAD)
        known = {each.object for each in findings}
        findings += (
            _finding("An object stream cannot be read", item.object)
            for item in streams
            if item.object not in known
        )
    elif any(item.reason in _UNOPENED for item in inspection.unscanned):
        findings.append(_finding("The whole document could not be opened to be checked"))
    elif not inspection.complete and any(item.reason in _PASSED for item in questions):
        locked = any(each.kind is FindingKind.ENCRYPTED for each in inspection.findings)
        findings += [] if locked else [_finding("A part of the document was read by neither pass")]
    return entries, findings


def _finding(message: str, number: int | None = None) -> Finding:
    raw = RawFinding(kind=FindingKind.UNREAD, object=number, hidden=True, message=message)
    return to_finding(raw, STAGE)
