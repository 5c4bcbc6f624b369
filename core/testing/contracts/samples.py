"""Sessions and documents to test with."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pdfsluice.core import (
    Decision,
    Document,
    Extent,
    Finding,
    NewDocument,
    Protocol,
    Revision,
    Session,
    Severity,
    Trigger,
    Unscanned,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)

FINDING = Finding(
    kind="javascript",
    severity=Severity.HIGH,
    stage="security",
    message="A script runs when the file is opened: “app.alert”.",
    advice="Ask the sender for a file without it.",
    offset=4711,
    object=12,
    trigger=Trigger.OPEN,
    hidden=True,
    revision=Revision.EARLIER,
    excerpt="/S /JavaScript",
    details={"names": ["a", "b"], "depth": 2},
)
UNSCANNED = Unscanned(stage="security", reason="encrypted", message="No key.", offset=9, object=3)


def make_session(**changes: Any) -> Session:
    """Return a new session with some fields changed."""
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "owner": "key:alice",
        "client_id": "client_1",
        "filename": "Straße.pdf",
        "total_size": 100,
        "chunk_size": 10,
        "protocol": Protocol.REST,
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": NOW + timedelta(hours=24),
    }
    return Session(**(values | changes))


def make_document(**changes: Any) -> NewDocument:
    """Return a new document with some fields changed."""
    session_id = str(uuid4())
    values: dict[str, Any] = {
        "session_id": session_id,
        "blob_id": session_id,
        "owner": "key:alice",
        "title": "A title",
        "filename": "a.pdf",
        "file_size": 1234,
        "sha256": "ab" * 32,
        "created_at": NOW,
        "page_count": 3,
        "metadata": {"Author": "Ä"},
        "findings": (FINDING,),
        "unscanned": (UNSCANNED,),
        "decision": Decision.FLAG,
    }
    return NewDocument(**(values | changes))


def make_stored_document(*, id: int, **changes: Any) -> Document:  # noqa: A002 - the field's name
    """Return a document as a catalogue returns it, with some fields changed."""
    new = make_document(**changes)
    return Document(id=id, **{field.name: getattr(new, field.name) for field in fields(new)})


def extent(start: int, end: int, fingerprint: str = "00" * 16) -> Extent:
    """Return an extent."""
    return Extent(start, end, fingerprint)
