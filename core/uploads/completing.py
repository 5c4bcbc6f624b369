"""From the last byte to the catalogue: validate, judge, publish, once and only once."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pdfsluice.core.errors import (
    DigestMismatch,
    DocumentDeleted,
    DocumentNotFound,
    NotFound,
    PdfsluiceError,
    StageFailed,
    StorageFailed,
    UploadIncomplete,
)
from pdfsluice.core.findings import (
    MAX_FINDINGS,
    Decision,
    Finding,
    StageReport,
)
from pdfsluice.core.models import (
    Completion,
    Document,
    JobKind,
    NewDocument,
    Session,
    SessionState,
)
from pdfsluice.core.plugins.ports.stages import CompletionContext
from pdfsluice.core.plugins.ports.stores import Catalogue, UploadStore
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.scanning.merging import merge_reports
from pdfsluice.core.shortages import is_shortage, retry_later

from .lifecycle import ENDED, refusal, rejection
from .upload import OpenUpload

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Validated:
    """What all stages together know of the whole file."""

    report: StageReport
    decision: Decision


class Completer:
    """Completes uploads; holds no state of its own."""

    def __init__(
        self,
        registry: Registry,
        uploads: UploadStore,
        catalogue: Catalogue,
        on_jobs: Callable[[], None],
    ) -> None:
        self._stages = registry.completion_stages
        self._uploads = uploads
        self._catalogue = catalogue
        self._on_jobs = on_jobs

    async def complete(self, upload: OpenUpload) -> Completion:
        """Take an upload from its last byte to its document; go on from where it stands.

        Raises:
            UploadIncomplete: Bytes are missing.
            DigestMismatch: The file is not what was announced.
            ContentRejected: The policy refuses the file.
            StageFailed: A stage failed.
        """
        if upload.session.state is not SessionState.IMPORTING:
            existing = await self._validate(upload)
            if existing is not None:
                return Completion(upload.session, existing)
        return await self._import(upload)

    async def _validate(self, upload: OpenUpload) -> Document | None:
        """Judge the file; return the document that it is, if that is there already."""
        async with upload.lock:
            _refuse_ended(upload.session)
            total = await self._begin(upload)
        try:
            validated = await self._look(upload, total)
            self._check_digest(upload.session, validated.report.facts)
        except PdfsluiceError as error:
            await self._give_up(upload, error)
            raise
        except Exception as error:  # no verdict on the file, so its bytes stay
            logger.exception("validating upload %s failed", upload.session.id)
            failure = retry_later(error, "validate the file")
            await self._give_up(upload, failure)
            raise failure from error
        async with upload.lock:
            _refuse_ended(upload.session)
            return await self._settle(upload, validated)

    @staticmethod
    async def _begin(upload: OpenUpload) -> int:
        """Say that the file is being validated; return its size.

        Raises:
            UploadIncomplete: Bytes are missing, perhaps because they rotted since the last try.
        """
        validating = upload.session.state is SessionState.VALIDATING
        try:
            total = require_whole(upload.session)
        except UploadIncomplete:
            if validating:
                await upload.change(state=SessionState.UPLOADING)
                upload.progress.tell_status()
            raise
        if not validating:
            await upload.change(state=SessionState.VALIDATING, failure_code="", failure_message="")
            upload.progress.tell_status()
        return total

    async def _give_up(self, upload: OpenUpload, error: PdfsluiceError) -> None:
        async with upload.lock:
            if upload.session.state is not SessionState.VALIDATING:
                return
            if error.retryable:  # whoever asks how it stands learns why it is not complete
                await upload.change(
                    state=SessionState.UPLOADING,
                    failure_code=error.code,
                    failure_message=error.message,
                )
                upload.progress.tell_status()
            else:
                await upload.end(SessionState.FAILED, error)

    async def _look(self, upload: OpenUpload, total: int) -> _Validated:
        """Let every stage see the whole file."""
        reports = [] if upload.follower is None else [*await upload.follower.finish(total)]
        report = merge_reports([StageReport(findings=upload.session.findings), *reports])
        async with self._file(upload) as path:
            for spec in self._stages:
                context = CompletionContext(session=_with(upload.session, report), path=path)
                try:
                    added = await spec.stage.inspect(context)
                except PdfsluiceError:
                    raise
                except Exception as error:
                    logger.exception("completion stage %r failed", spec.name)
                    if is_shortage(error):
                        raise retry_later(error, f"run the stage {spec.name!r}") from error
                    raise StageFailed(
                        f"stage {spec.name!r} failed: {type(error).__name__}: {error}",
                        details={"stage": spec.name},
                    ) from error
                report = merge_reports([report, added])
        return _Validated(report, upload.judge(report.findings))

    def _file(self, upload: OpenUpload) -> AbstractAsyncContextManager[Path]:
        path = upload.blob.local_path
        return self._uploads.local_path(upload.session.id) if path is None else nullcontext(path)

    @staticmethod
    def _check_digest(session: Session, facts: Any) -> None:
        announced, found = session.expected_digest, facts.get("sha256")
        if announced is not None and found is not None and announced != found:
            raise DigestMismatch(
                f"the file has the SHA-256 {found}; {announced} was announced",
                hint="Check the file and start a new upload.",
                details={"expected": announced, "actual": found},
            )

    async def _settle(self, upload: OpenUpload, validated: _Validated) -> Document | None:
        """Refuse the file, recognise it, or let it be imported."""
        report = validated.report
        known: dict[str, Any] = {
            "findings": report.findings[:MAX_FINDINGS],
            "unscanned": report.unscanned[:MAX_FINDINGS],
            "facts": dict(report.facts),
            "decision": validated.decision,
        }
        upload.progress.tell_findings(_new(known["findings"], upload.session.findings))
        if validated.decision.refuses:
            await upload.change(**known)
            await upload.refuse(validated.decision, report.findings)
            raise rejection(upload.session)
        existing = await self._existing(upload.session, report.facts.get("sha256"))
        if existing is not None:
            known["facts"]["duplicate"] = True
            await upload.change(state=SessionState.COMPLETED, document_id=existing.id, **known)
            await self._uploads.remove(upload.session.id)
            upload.progress.tell_status(message="The document is already there")
            return existing
        await upload.change(state=SessionState.IMPORTING, **known)
        upload.progress.tell_status()
        return None

    async def _existing(self, session: Session, sha256: str | None) -> Document | None:
        if not session.check_duplicates or sha256 is None:
            return None
        return await self._catalogue.find_by_digest(sha256, owner=session.owner)

    async def _import(self, upload: OpenUpload) -> Completion:
        """Publish the bytes and add the document; each step may be repeated after a crash."""
        session = upload.session
        try:
            await self._uploads.publish(session.id)
        except NotFound:
            gone = StorageFailed("The bytes of the upload are gone.", hint="Start a new upload.")
            async with upload.lock:
                await upload.end(SessionState.FAILED, gone)
            raise gone from None
        jobs = [JobKind.IMPORT, JobKind.INDEX] if session.auto_build_index else [JobKind.IMPORT]
        document = await self._catalogue.add(_new_document(session), jobs)
        async with upload.lock:
            await upload.change(state=SessionState.COMPLETED, document_id=document.id)
        upload.progress.tell_status()
        self._on_jobs()
        return Completion(upload.session, document, frozenset(jobs))


def _refuse_ended(session: Session) -> None:
    """Answer for an upload that a finding or its owner has ended while we were waiting."""
    error = refusal(session) if session.state in ENDED else None
    if error is not None:
        raise error


def require_whole(session: Session) -> int:
    """Return the size of an upload of which every byte is committed.

    Raises:
        UploadIncomplete: Bytes are missing, or the size is not known yet.
    """
    total = session.total_size
    if total is None:
        raise UploadIncomplete(
            "the size of the file is not known yet", hint="Announce it, then send the last bytes."
        )
    missing = session.committed.missing(0, total)
    if missing:
        raise UploadIncomplete(
            f"{missing.size} of {total} bytes are missing",
            hint="Send the missing ranges, then complete again.",
            details={
                "missing_ranges": [list(gap) for gap in missing][:1000],
                "missing_chunks": session.missing_chunks[:1000],
            },
        )
    return total


async def require_document(catalogue: Catalogue, session: Session) -> None:
    """Check that the document of a completed session still exists.

    A client that resumes by a stored session id would otherwise report success for a file
    that the server does not have.

    Raises:
        DocumentDeleted: It was deleted.
    """
    if session.document_id is None:
        return
    try:
        await catalogue.get(session.document_id, owner=None)
    except DocumentNotFound:
        raise DocumentDeleted(
            f"the upload became document {session.document_id}, which has been deleted",
            hint="Start a new upload to store the file again.",
            details={"document_id": session.document_id},
        ) from None


def _with(session: Session, report: StageReport) -> Session:
    return replace(
        session, findings=report.findings, unscanned=report.unscanned, facts=report.facts
    )


def _new_document(session: Session) -> NewDocument:
    facts = session.facts
    stem = session.filename.rsplit(".", 1)[0] or session.filename
    return NewDocument(
        session_id=session.id,
        blob_id=session.id,
        owner=session.owner,
        title=session.title or stem,
        filename=session.filename,
        file_size=session.total_size or 0,
        sha256=facts.get("sha256", ""),
        created_at=session.updated_at,
        page_count=facts.get("page_count"),
        metadata=facts.get("metadata", {}),
        findings=session.findings,
        unscanned=session.unscanned,
        decision=session.decision,
    )


def _new(findings: Sequence[Finding], told: Sequence[Finding]) -> list[Finding]:
    """Return the findings that were not told while the file arrived."""
    places = {(each.stage, each.kind, each.offset, each.object) for each in told}
    return [f for f in findings if (f.stage, f.kind, f.offset, f.object) not in places]
