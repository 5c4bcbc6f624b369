"""Makes the record of an upload from its session."""

from datetime import datetime

from pdfsluice.core.models.sessions import Session
from pdfsluice.core.models.upload_records import UploadEnd, UploadRecord

_MAX_KINDS = 50


def record_of(session: Session, ended_at: datetime) -> UploadRecord:
    """Return the record of an upload that has ended.

    Args:
        session: The session after its end.
        ended_at: When it ended (UTC).
    """
    committed = session.committed.size
    end = UploadEnd.DUPLICATE if session.duplicate else UploadEnd(session.state.value)
    return UploadRecord(
        session_id=session.id,
        account=session.account or session.owner,
        protocol=session.protocol.value,
        client=session.software,
        end=end,
        began_at=session.created_at,
        ended_at=ended_at,
        size=session.total_size or 0,
        committed_bytes=committed,
        resent_bytes=max(0, session.measures.received_bytes - committed),
        findings=len(session.findings),
        finding_kinds=tuple(sorted({each.kind for each in session.findings})[:_MAX_KINDS]),
        measures=session.measures,
    )
