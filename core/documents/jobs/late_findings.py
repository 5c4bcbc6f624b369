"""Decides about findings that importers report, after a document was accepted."""

from collections.abc import Sequence

from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.findings import Decision, Finding
from pdfsluice.core.models.sessions import Protocol, Session, SessionState
from pdfsluice.core.plugins.ports.policy import Policy


def late_decision(policy: Policy, document: Document, findings: Sequence[Finding]) -> Decision:
    """Return what findings mean for a document: it is flagged at most.

    A document that was accepted is not refused any more. Stages that have to refuse it
    inspect the file before.
    """
    session = _session_of(document)
    decisions = (policy.decide(finding, session) for finding in findings)
    return min(Decision.FLAG, max(decisions, default=Decision.NOTE))


def _session_of(document: Document) -> Session:
    """Return what policies know of an upload whose row may be gone."""
    return Session(
        id=document.session_id,
        owner=document.owner,
        client_id="",
        filename=document.filename,
        total_size=document.file_size,
        chunk_size=max(1, document.file_size),
        protocol=Protocol.REST,
        created_at=document.created_at,
        updated_at=document.created_at,
        expires_at=document.created_at,
        state=SessionState.COMPLETED,
        findings=document.findings,
        unscanned=document.unscanned,
        decision=document.decision,
        document_id=document.id,
    )
