"""From the last byte to the catalogue: validate, judge and publish, exactly once."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.errors import (
    DigestMismatch,
    DocumentDeleted,
    DocumentNotFound,
    NotFound,
    PdfsluiceError,
    SizeExceeded,
    StateConflict,
    StorageFailed,
    UploadIncomplete,
)
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.findings import (
    MAX_FINDINGS,
    Decision,
    Finding,
    StageReport,
)
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.stages import CompletionContext
from pdfsluice.core.plugins.ports.stores import (
    Catalogue,
    SessionChanges,
    SessionStore,
    UploadStore,
)
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.scanning.merging import merge_reports
from pdfsluice.core.scanning.needed import is_needed
from pdfsluice.core.shortages import retry_later
from pdfsluice.core.threads import run_uncancelled
from pdfsluice.core.uploads.lifecycle import ENDED, refusal, rejection
from pdfsluice.core.uploads.open_upload.state import UploadState
from pdfsluice.core.uploads.open_upload.upload import OpenUpload

from . import opaque
from .duplicates import Duplicates, explain, sha256_of
from .new_documents import NewDocuments, jobs_of, new_document
from .read_back import reading_back
from .replacing import is_indexed, newest_version
from .results import Completion

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Validated:
    """What all stages found in the whole file, and the policy's decision."""

    report: StageReport
    decision: Decision


class Completer:
    """The completion of uploads, without state of its own."""

    def __init__(
        self,
        registry: Registry,
        uploads: UploadStore,
        catalogue: Catalogue,
        sessions: SessionStore,
        files: DocumentFiles,
        *,
        on_jobs: Callable[[int, Collection[JobKind], str], None],
        on_replaced: Callable[[], None],
        on_validating: Callable[[], None],
    ) -> None:
        self._stages = registry.completion_stages
        self._uploads = uploads
        self._catalogue = catalogue
        importers = {spec.name: spec.required for spec in registry.importers}
        self._new_documents = NewDocuments(catalogue, sessions, importers)
        self._on_jobs = on_jobs
        self._on_replaced = on_replaced
        self._on_validating = on_validating
        self._duplicates = Duplicates(uploads, catalogue, files, on_jobs)

    async def complete(self, upload: OpenUpload) -> Completion:
        """Complete an upload: continue from its stored state to its document.

        The caller has just read its row.

        Raises:
            UploadIncomplete: Bytes are missing, or were damaged on the disk.
            DigestMismatch: The file is not what was announced.
            ContentRejected: The policy refuses the file.
            StageFailed: A stage failed.
            Overloaded, StorageFailed: Something failed that is no verdict on the file.
        """
        interrupted = upload.session.state is SessionState.IMPORTING
        if interrupted:
            await self._check_interrupted(upload)
        else:
            existing = await self._validate(upload)
            if existing is not None:
                return Completion(upload.session, existing)
        return await upload.as_unit(partial(self._import, upload), current=not interrupted)

    async def _validate(self, upload: OpenUpload) -> Document | None:
        """Judge the file; return its document if that exists already."""
        total = await upload.as_unit(partial(self._begin, upload), current=True)
        if jobs_of(upload.session):
            self._on_validating()
        try:
            async with reading_back(upload, total) as read_back:
                verdict = await self._verdict(upload, total)
            doubtful = upload.stored.damaged or not _is_passing(verdict)
            if doubtful and await upload.drop(await read_back.corrupt()):
                _refuse_ended(upload.session)
                require_whole(upload.session)
        except UploadIncomplete:
            raise
        except Exception as error:  # no verdict on the file, so its bytes stay
            _refuse_ended(upload.session)  # its file was closed while it was read
            logger.exception("validating upload %s failed", upload.session.id)
            verdict = retry_later(error, "validate the file")
        if isinstance(verdict, PdfsluiceError):
            await upload.as_unit(partial(self._give_up, upload, verdict))
            raise verdict
        return await upload.as_unit(partial(self._settle, upload, verdict), current=True)

    @staticmethod
    async def _begin(upload: OpenUpload) -> int:
        """Note that the file is being validated; return its size. Part of a unit.

        Raises:
            UploadIncomplete: Bytes are missing, perhaps because they were damaged.
            SizeExceeded: There are more bytes than the file has.
        """
        _refuse_ended(upload.session)
        validating = upload.session.state is SessionState.VALIDATING
        try:
            total = require_whole(upload.session)
        except UploadIncomplete:
            if validating:
                await upload.change(state=SessionState.UPLOADING)
                upload.progress.publish_status()
            raise
        end = upload.session.committed.ranges[-1][1]
        if end > total:
            error = SizeExceeded(
                f"{end} bytes were stored for a file of {total} bytes",
                hint="Start a new upload.",
                details={"file_size": total, "offset": end},
            )
            await upload.end(SessionState.FAILED, error)
            raise error
        if not validating:
            await record_validation(upload)
            upload.progress.publish_status()
        return total

    @staticmethod
    async def _give_up(upload: OpenUpload, error: PdfsluiceError) -> None:
        """Record why the file could not be validated. Part of a unit.

        Raises:
            SessionEnded: The client has cancelled the upload meanwhile.
        """
        _refuse_ended(upload.session)
        if upload.session.state is not SessionState.VALIDATING:
            return
        if error.retryable:  # the client learns from the status why it is not complete
            await upload.change(
                state=SessionState.UPLOADING,
                failure_code=error.code,
                failure_message=error.message,
            )
            upload.progress.publish_status()
        else:
            await upload.end(SessionState.FAILED, error)

    async def _verdict(self, upload: OpenUpload, total: int) -> _Validated | PdfsluiceError:
        """Return what the stages find, or the error that ends the validation."""
        try:
            verdict = await self._inspect(upload, total)
            _check_digest(upload.session, verdict.report.facts)
        except PdfsluiceError as error:
            return error
        return verdict

    async def _inspect(self, upload: OpenUpload, total: int) -> _Validated:
        """Let every stage see the whole file, unless its client encrypted it."""
        if upload.session.encryption:
            return await self._inspect_opaque(upload, total)
        reports = [] if upload.follower is None else [*await upload.follower.finish(total)]
        report = merge_reports([StageReport(findings=upload.session.findings), *reports])
        await upload.prepare(0, total)
        async with self._file(upload) as path:
            for spec in self._stages:
                if not is_needed(spec, lambda example: upload.verdicts.judge([example])):
                    continue
                context = CompletionContext(session=_with(upload.session, report), path=path)
                report = merge_reports([report, await spec.stage.inspect(context)])
        return _Validated(report, upload.verdicts.judge(report.findings))

    async def _inspect_opaque(self, upload: OpenUpload, total: int) -> _Validated:
        await upload.prepare(0, total)
        async with self._file(upload) as path:
            report = await run_uncancelled(asyncio.to_thread(opaque.inspect, path))
        return _Validated(report, upload.verdicts.judge(report.findings))

    def _file(self, upload: OpenUpload) -> AbstractAsyncContextManager[Path]:
        path = upload.blob.local_path
        return self._uploads.local_path(upload.session.id) if path is None else nullcontext(path)

    async def _settle(self, upload: OpenUpload, validated: _Validated) -> Document | None:
        """Refuse the file, recognize it, or let it be imported. Part of a unit."""
        _refuse_ended(upload.session)
        report = validated.report
        changes: SessionChanges = {
            "findings": report.findings[:MAX_FINDINGS],
            "unscanned": report.unscanned[:MAX_FINDINGS],
            "facts": dict(report.facts),
            "decision": validated.decision,
        }
        upload.progress.publish_findings(_new(changes["findings"], upload.session.findings))
        if validated.decision.refuses:
            await upload.change(**changes)
            await upload.verdicts.refuse(validated.decision, report.findings)
            raise rejection(upload.session)
        existing = await self._duplicates.find(upload.session, report.facts.get("sha256"))
        if existing is not None and await self._duplicates.is_intact(existing):
            await self._end_as_duplicate(upload, existing, changes)
            return existing
        changes["state"] = SessionState.IMPORTING
        await upload.change(**changes)
        upload.progress.publish_status()
        return None

    async def _end_as_duplicate(
        self, upload: OpenUpload, document: Document, changes: SessionChanges
    ) -> None:
        """Complete an upload whose document exists already. Part of a unit."""
        changes["state"] = SessionState.COMPLETED
        changes["document_id"] = document.id
        changes["duplicate"] = True
        await upload.change(**changes)
        upload.progress.publish_status(message=explain(upload.session, document))
        await self._duplicates.finish(upload.session, document)

    async def _check_interrupted(self, upload: OpenUpload) -> None:
        """Compare a file with its digest before publishing it after an interruption.

        Raises:
            StorageFailed: Its bytes were damaged meanwhile.
        """
        expected = upload.session.facts.get("sha256")
        if expected is None:
            return
        try:
            async with self._uploads.local_path(upload.session.id) as path:
                actual = await run_uncancelled(asyncio.to_thread(sha256_of, path))
        except NotFound:
            return  # reported when it is published
        if actual != expected:
            error = StorageFailed(
                "The bytes of the upload were damaged on the disk before it was imported.",
                hint="Start a new upload.",
                details={"expected": expected, "actual": actual},
            )
            await upload.as_unit(partial(upload.end, SessionState.FAILED, error))
            raise error

    async def _import(self, upload: OpenUpload) -> Completion:
        """Publish the bytes and add the document; part of a unit.

        Each step may be repeated after a crash.
        """
        _refuse_ended(upload.session)
        session = upload.session
        sha256 = session.facts.get("sha256")
        try:
            await self._uploads.publish(session.id, await upload.stored.whole(), sha256)
        except NotFound:
            existing = await self._duplicates.find(session, sha256)
            if existing is not None:  # an earlier attempt gave it these bytes
                await self._duplicates.repeat_failed(existing)
                await self._end_as_duplicate(upload, existing, {})
                return Completion(upload.session, existing)
            error = StorageFailed("The bytes of the upload are gone.", hint="Start a new upload.")
            await upload.end(SessionState.FAILED, error)
            raise error from None
        earlier = await newest_version(self._catalogue, session)
        indexed = earlier is not None and await is_indexed(self._catalogue, earlier)
        jobs = jobs_of(session, indexed=indexed)
        document = await self._new_documents.add(upload, new_document(session, earlier), jobs)
        if document.session_id != session.id:  # another upload of the file was first
            if not await self._duplicates.is_intact(document):
                await self._duplicates.heal(session, document)
            await self._end_as_duplicate(upload, document, {})
            return Completion(upload.session, document)
        upload.progress.publish_status()
        if document.version > 1:
            self._on_replaced()
        if jobs:
            self._on_jobs(document.id, jobs, document.owner)
        return Completion(upload.session, document, frozenset(jobs))


def _is_passing(verdict: _Validated | PdfsluiceError) -> bool:
    return isinstance(verdict, PdfsluiceError) and verdict.retryable


def _check_digest(session: Session, facts: Mapping[str, Any]) -> None:
    announced, actual = session.expected_digest, facts.get("sha256")
    if announced is not None and actual is not None and announced != actual:
        raise DigestMismatch(
            f"the file has the SHA-256 {actual}; {announced} was announced",
            hint="Check the file and start a new upload.",
            details={"expected": announced, "actual": actual},
        )


def _refuse_ended(session: Session) -> None:
    """Raise the refusal of an upload that a finding or its client has ended meanwhile."""
    error = refusal(session) if session.state in ENDED else None
    if error is not None:
        raise error


async def record_validation(upload: UploadState) -> None:
    """Record that a whole file is to be validated; part of a unit.

    It is no conflict if another node has recorded it at the same time.
    """
    try:
        await upload.change(state=SessionState.VALIDATING, failure_code="", failure_message="")
    except StateConflict:
        if upload.session.state is not SessionState.VALIDATING:
            raise


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
    return session.changed(findings=report.findings, unscanned=report.unscanned, facts=report.facts)


def _new(findings: Sequence[Finding], earlier: Sequence[Finding]) -> list[Finding]:
    """Return the findings that were not published while the file arrived."""
    identities = {(each.stage, each.kind, each.offset, each.object) for each in earlier}
    return [f for f in findings if (f.stage, f.kind, f.offset, f.object) not in identities]
