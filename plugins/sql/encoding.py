"""How models become rows, and rows models again.

What is not searched for stands as JSON in the column ``body``, with the version of its
layout under ``v``. The reader names every field, so that a renamed field of a model fails
a test here instead of losing stored values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import orjson

from pdfsluice.core import (
    Decision,
    Document,
    Finding,
    Job,
    JobKind,
    JobState,
    Measures,
    NewDocument,
    Protocol,
    RangeSet,
    Session,
    SessionState,
)
from pdfsluice.core.models import encoding
from pdfsluice.core.models.encoding import read_findings, read_unscanned
from pdfsluice.core.models.findings import with_findings

from .prepared import AnyRow

_BODY_VERSION = 1
measure_values = attrgetter(*(field.name for field in fields(Measures)))
"""The fields of measures, in the order in which they are stored."""
_MEASURES = tuple(field.name for field in fields(Measures))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Return a time as microseconds since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the time, in UTC, that :func:`to_micros` took apart."""
    return _EPOCH + timedelta(microseconds=micros)


def clean(text: str) -> str:
    """Return text that every engine stores: without NUL and unpaired surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def to_json(value: Any) -> str:
    """Encode a value of JSON types; unpaired surrogates in text are replaced."""
    return encoding.to_json(value).decode()


def size_of_metadata(metadata: str, title: str) -> int:
    """Return how many bytes of metadata count for an account.

    Args:
        metadata: The metadata as JSON; its braces do not count.
        title: The title.
    """
    return len(metadata.encode()) - len("{}") + len(title.encode(errors="replace"))


def session_row(session: Session) -> dict[str, Any]:
    """Return the columns of a session; ``committed`` stands in the extents."""
    return {
        "id": session.id,
        "owner": session.owner,
        "client_id": clean(session.client_id),
        "state": session.state.value,
        "created_at": to_micros(session.created_at),
        "updated_at": to_micros(session.updated_at),
        "expires_at": to_micros(session.expires_at),
        "version": session.version,
        "quarantined": int(session.quarantined),
        "account": clean(session.account or session.owner),
        "reserved": session.reserved,
        "metadata_bytes": size_of_metadata(to_json(session.metadata), session.title),
        "body": to_json(
            {
                "v": _BODY_VERSION,
                "client_id": session.client_id,
                "filename": session.filename,
                "total_size": session.total_size,
                "chunk_size": session.chunk_size,
                "protocol": session.protocol,
                "title": session.title,
                "expected_digest": session.expected_digest,
                "check_duplicates": session.check_duplicates,
                "auto_build_index": session.auto_build_index,
                "metadata": session.metadata,
                "findings": session.findings,
                "unscanned": session.unscanned,
                "facts": session.facts,
                "decision": session.decision,
                "quarantined": session.quarantined,
                "released": session.released,
                "partial": session.partial,
                "document_id": session.document_id,
                "duplicate": session.duplicate,
                "joined_into": session.joined_into,
                "failure_code": session.failure_code,
                "failure_message": session.failure_message,
                "software": session.software,
                "encryption": session.encryption,
                "replaces": session.replaces,
                "lineage": session.lineage,
                "measures": measure_values(session.measures),
            }
        ),
    }


def read_session(row: AnyRow, extents: Iterable[AnyRow]) -> Session:
    """Return the session of a row.

    Args:
        row: Of the table of sessions.
        extents: ``start``, ``end`` and ``committed_at`` of its extents.
    """
    body = orjson.loads(row.body)
    _raise_fields(body)
    updated_at = row.updated_at
    ranges = []
    for start, end, committed_at in extents:
        ranges.append((start, end))
        updated_at = max(updated_at, committed_at)
    return Session(
        id=row.id,
        owner=row.owner,
        state=SessionState(row.state),
        created_at=from_micros(row.created_at),
        updated_at=from_micros(updated_at),
        expires_at=from_micros(row.expires_at),
        version=row.version,
        account="" if row.account == row.owner else row.account,
        reserved=row.reserved,
        committed=RangeSet.of(ranges),
        client_id=body["client_id"],
        filename=body["filename"],
        total_size=body["total_size"],
        chunk_size=body["chunk_size"],
        protocol=Protocol(body["protocol"]),
        title=body["title"],
        expected_digest=body["expected_digest"],
        check_duplicates=body["check_duplicates"],
        auto_build_index=body["auto_build_index"],
        metadata=body["metadata"],
        findings=read_findings(body["findings"]),
        unscanned=read_unscanned(body["unscanned"]),
        facts=body["facts"],
        decision=Decision(body["decision"]),
        quarantined=body["quarantined"],
        released=body["released"],
        partial=body["partial"],
        document_id=body["document_id"],
        duplicate=body["duplicate"],
        joined_into=body["joined_into"],
        failure_code=body["failure_code"],
        failure_message=body["failure_message"],
        software=body.get("software", ""),
        encryption=body.get("encryption", ""),
        replaces=body.get("replaces"),
        lineage=body.get("lineage"),
        measures=read_measures(body.get("measures", ())),
    )


def read_measures(values: Sequence[Any]) -> Measures:
    """Return the measures whose fields stand in this order; missing ones are 0."""
    return Measures(**dict(zip(_MEASURES, values, strict=False)))


def _raise_fields(body: dict[str, Any]) -> None:
    """Turn two facts of older rows into fields of the session."""
    if "duplicate" not in body:
        body["duplicate"] = body["facts"].pop("duplicate", False)
        body["joined_into"] = body["facts"].pop("joined_into", None)


def document_row(document: NewDocument) -> dict[str, Any]:
    """Return the columns of a document."""
    metadata, title = to_json(document.metadata), clean(document.title)
    return {
        "session_id": document.session_id,
        "blob_id": document.blob_id,
        "owner": document.owner,
        "title": title,
        "filename": clean(document.filename),
        "file_size": document.file_size,
        "sha256": document.sha256,
        "created_at": to_micros(document.created_at),
        "page_count": document.page_count,
        "metadata": metadata,
        "metadata_bytes": size_of_metadata(metadata, title),
        "body": _document_body(document, document.findings, document.decision),
        "tags": to_json(list(document.tags)),
        "lineage": document.lineage,
        "version": 1,
        "replaced_by": None,
    }


def body_with(document: Document, findings: Sequence[Finding], decision: Decision) -> str:
    """Return the column ``body`` of a document with further findings, perhaps graver."""
    return _document_body(
        document,
        with_findings(document.findings, findings),
        max(document.decision, decision),
    )


def _document_body(document: NewDocument, findings: Sequence[Finding], decision: Decision) -> str:
    return to_json(
        {
            "v": _BODY_VERSION,
            "findings": findings,
            "unscanned": document.unscanned,
            "decision": decision,
        }
    )


def read_document(row: AnyRow) -> Document:
    """Return the document of a row."""
    body = orjson.loads(row.body)
    return Document(
        id=row.id,
        session_id=row.session_id,
        blob_id=row.blob_id,
        owner=row.owner,
        title=row.title,
        filename=row.filename,
        file_size=row.file_size,
        sha256=row.sha256,
        created_at=from_micros(row.created_at),
        page_count=row.page_count,
        metadata=orjson.loads(row.metadata),
        findings=read_findings(body["findings"]),
        unscanned=read_unscanned(body["unscanned"]),
        decision=Decision(body["decision"]),
        tags=tuple(orjson.loads(row.tags)),
        lineage=row.lineage,
        version=row.version,
        replaced_by=row.replaced_by,
    )


def read_job(row: AnyRow) -> Job:
    """Return the job of a row."""
    return Job(
        id=row.id,
        document_id=row.document_id,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        progress=row.progress,
        message=row.message,
        attempts=row.attempts,
        importer=row.importer,
        required=bool(row.required),
        retry_at=from_micros(row.retry_at) if row.retry_at else None,
    )
