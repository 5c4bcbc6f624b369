"""The reports of the two streaming stages on one scanned file."""

from collections.abc import Iterator, Mapping, Sequence

from pdfsluice.core import Finding, FindingKind, Revision, StageReport, Unscanned
from pdfsluice.plugins.pdf.vocabulary import RawFinding
from pdfsluice.plugins.pdf.wording import to_finding

from .attached_documents import AttachedDocuments
from .codes import UNSCANNED
from .object_streams import ObjectStreams
from .security import STAGE as SECURITY_STAGE
from .security import Security
from .structure import STAGE as STRUCTURE_STAGE
from .structure import Structure


def structure_report(structure: Structure) -> StageReport:
    """Report on the structure of the whole file."""
    return StageReport(
        findings=tuple(to_finding(raw, STRUCTURE_STAGE) for raw in structure.findings),
        unscanned=tuple(structure.unscanned()),
        facts={"pdf_version": structure.version_text},
        supersedes=frozenset({STRUCTURE_STAGE}),
    )


def security_report(
    security: Security,
    structure: Structure,
    object_streams: ObjectStreams,
    partly_read: Mapping[int, int | None],
    attached: AttachedDocuments,
) -> StageReport:
    """Report on the active content of the whole file, each finding with its revision.

    Args:
        partly_read: Offset and number of objects that were not read to their end.
        attached: What is in these documents is no part of the file.
    """
    findings = _security_findings(security, structure, attached)
    findings += (to_finding(raw, SECURITY_STAGE) for raw in _unread(object_streams))
    return StageReport(
        findings=tuple(findings),
        unscanned=tuple(_unscanned(security, structure, object_streams, partly_read)),
        supersedes=frozenset({SECURITY_STAGE}),
    )


def _security_findings(
    security: Security, structure: Structure, attached: AttachedDocuments
) -> list[Finding]:
    """Return all findings.

    An attachment is one finding, although its name and its data both show it.
    """
    raw_findings = [
        raw for raw in security.findings if not attached.holds(raw.offset, structure.xrefs)
    ]
    revisions = {id(raw): _revision(raw, security, structure) for raw in raw_findings}
    findings: list[Finding] = []
    for raw in raw_findings:
        revision = revisions[id(raw)]
        specification = security.specification_of(raw)
        if specification is None or revisions.get(id(specification)) is not revision:
            findings.append(to_finding(raw, SECURITY_STAGE, revision=revision))
    return findings


def _revision(raw: RawFinding, security: Security, structure: Structure) -> Revision:
    xrefs, number = structure.xrefs, raw.object
    if number is not None and xrefs.is_freed(number):
        return Revision.EARLIER
    if number is None or xrefs.is_current(number, raw.offset, raw.container):
        return Revision.CURRENT
    if not xrefs.sound and security.is_damaged(number):  # some readers do not take the latest one
        return Revision.CURRENT
    return security.revision(raw)


def _unscanned(
    security: Security,
    structure: Structure,
    object_streams: ObjectStreams,
    partly_read: Mapping[int, int | None],
) -> Sequence[Unscanned]:
    crowd = [_entry("crowd", None, None)] if security.crowded else []
    values = [_entry("values", offset, number) for offset, number in partly_read.items()]
    streams = [
        _entry(reason, stream.offset, stream.number) for stream, reason in object_streams.reasons()
    ]
    return [*crowd, *structure.unread.entries(SECURITY_STAGE), *values, *streams]


def _unread(object_streams: ObjectStreams) -> Iterator[RawFinding]:
    """Yield a finding for each unreadable object stream that is not encrypted."""
    for stream, reason in object_streams.reasons():
        if reason != "encrypted":
            yield RawFinding(
                kind=FindingKind.UNREAD,
                object=stream.number,
                offset=stream.offset,
                hidden=True,
                message=UNSCANNED[reason],
                details={"reason": reason},
            )


def _entry(reason: str, offset: int | None, number: int | None) -> Unscanned:
    return Unscanned(
        stage=SECURITY_STAGE,
        reason=reason,
        message=UNSCANNED[reason],
        offset=offset,
        object=number,
    )
