"""An upload that this process is working on: its snapshot, its bytes and who writes them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pdfsluice.core.errors import PdfsluiceError, Preempted, StateConflict
from pdfsluice.core.findings import MAX_FINDINGS, Decision, Finding
from pdfsluice.core.models import (
    Completion,
    Extent,
    Session,
    SessionState,
)
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.ports.stores import Blob, SessionStore, UploadStore
from pdfsluice.core.scanning.follower import Follower
from pdfsluice.core.threads import run_uncancelled

from .lifecycle import (
    ENDED,
    check_transition,
    refusal,
    rejection,
)
from .progress import ProgressPublisher

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Claim:
    """A running request and the bytes it writes."""

    start: int
    end: int
    task: asyncio.Task[Any] = field(repr=False)
    stopped_by: PdfsluiceError | None = None

    def overlaps(self, start: int, end: int) -> bool:
        return self.start < end and start < self.end

    def stop(self, reason: PdfsluiceError) -> None:
        if self.stopped_by is None and not self.task.done():
            self.stopped_by = reason
            self.task.cancel()


class OpenUpload:
    """The one place in this process where an upload changes.

    Attributes:
        session: The latest snapshot.
        blob: The bytes, open for reading and writing.
        progress: Tells how far the upload has come.
        follower: Shows the bytes to the stream stages; set once by the service. A part for
            a later concatenation has none.
        completion: The task that completes the upload, once somebody asked for it.
        verification: The task that last compared the stored bytes with their fingerprints.
        lock: Held while the state changes; never while bytes are awaited.
    """

    def __init__(
        self,
        session: Session,
        blob: Blob,
        *,
        sessions: SessionStore,
        uploads: UploadStore,
        policy: Policy,
        progress: Callable[[Callable[[], Session]], ProgressPublisher],
        now: Callable[[], Any],
    ) -> None:
        self.session = session
        self.blob = blob
        self.progress = progress(lambda: self.session)
        self.follower: Follower | None = None
        self.completion: asyncio.Task[Completion] | None = None
        self.verification: asyncio.Task[None] | None = None
        self.lock = asyncio.Lock()
        self._sessions = sessions
        self._uploads = uploads
        self._policy = policy
        self._now = now
        self._claims: set[_Claim] = set()

    @property
    def receiving(self) -> bool:
        """Whether a request is sending bytes now."""
        return bool(self._claims)

    @property
    def idle(self) -> bool:
        """Whether nothing is going on, so that the upload can be put away."""
        tasks = (self.completion, self.verification)
        return not self._claims and all(task is None or task.done() for task in tasks)

    async def run_claimed(
        self, start: int, end: int, work: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        """Run a request that writes ``[start, end)``; older requests for these bytes give way.

        Raises:
            Preempted: A newer request took over.
            PdfsluiceError: What stopped the request (a refusal, a cancellation).
        """
        await self._stop_claims(
            Preempted("a newer request for the same bytes took over"),
            lambda claim: claim.overlaps(start, end),
        )
        error = refusal(self.session)
        if error is not None:
            raise error
        claim = _Claim(start, end, asyncio.create_task(work()))
        self._claims.add(claim)
        claim.task.add_done_callback(lambda _: self._claims.discard(claim))
        try:
            result: T = await claim.task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if claim.stopped_by is None or (caller is not None and caller.cancelling()):
                raise
            raise claim.stopped_by from None
        return result

    async def received(self, patience: float) -> None:
        """Wait until no request sends bytes, at most ``patience`` seconds."""
        if self._claims:
            await asyncio.wait([claim.task for claim in self._claims], timeout=patience)

    async def stop_receiving(self, reason: PdfsluiceError) -> None:
        """End all requests that send bytes; what they delivered is committed first."""
        await self._stop_claims(reason, lambda _: True)

    async def _stop_claims(self, reason: PdfsluiceError, chosen: Callable[[_Claim], bool]) -> None:
        while tasks := [claim.task for claim in self._claims if chosen(claim)]:
            for claim in self._claims:
                if chosen(claim):
                    claim.stop(reason)
            await asyncio.wait(tasks)
            self._claims = {claim for claim in self._claims if not claim.task.done()}

    async def commit(self, extents: Sequence[Extent], *, chunk_id: int | None) -> None:
        """Make ranges exist: store them, then count them, then tell everybody."""
        if extents:
            await run_uncancelled(self._store(extents))
        if self.follower is not None:
            self.follower.wake()
        if extents:
            first = extents[0].start // self.session.chunk_size
            self.progress.chunk_committed(first if chunk_id is None else chunk_id)

    async def _store(self, extents: Sequence[Extent]) -> None:
        """Store ranges; it takes no lock, for who holds it may be waiting for the request."""
        now = self._now()
        try:
            for extent in extents:
                await self._sessions.commit(self.session.id, extent, now)
        except StateConflict as error:  # the upload has ended while the bytes came in
            raise refusal(self.session) or error from None
        begins = self.session.state is SessionState.CREATED
        committed = self.session.committed
        for extent in extents:
            committed = committed.add(extent.start, extent.end)
        self.session = replace(self.session, committed=committed, updated_at=now)
        if begins:
            self.progress.tell_status()

    async def change(self, **changes: Any) -> None:
        """Store changed fields and take the new snapshot. The caller holds ``lock``."""
        await run_uncancelled(self._change(changes))

    async def _change(self, changes: Mapping[str, Any]) -> None:
        if "state" in changes and changes["state"] is not self.session.state:
            check_transition(self.session, changes["state"])
            if changes["state"] in ENDED:  # its record is kept for a while from now on
                changes = {**changes, "expires_at": self._now()}
        stored = await self._sessions.update(self.session, **changes)
        self.session = replace(stored, committed=self.session.committed)

    def validated(self, position: int) -> None:
        """Count bytes that every stream stage has seen."""
        self.progress.validated = position
        self.progress.touch()

    async def found(self, findings: Sequence[Finding]) -> bool:
        """Keep findings that came while following; return whether the upload goes on.

        Stages that read the file again after a restart find the same again.
        """
        async with self.lock:
            known = {_place(finding) for finding in self.session.findings}
            new = [finding for finding in findings if _place(finding) not in known]
            kept = (*self.session.findings, *new)[:MAX_FINDINGS]
            decision = self.judge(findings, self.session.decision)
            await self.change(findings=kept, decision=decision)
            self.progress.tell_findings(new)
            if not decision.refuses:
                return True
            await self.refuse(decision, kept)
            return False

    def judge(self, findings: Sequence[Finding], so_far: Decision = Decision.NOTE) -> Decision:
        """Ask the policy what findings mean; the gravest decision counts.

        An administrator who released the upload has overruled the policy about what had been
        found by then, and about nothing that comes behind it.
        """
        overruled = {_sort(f) for f in self.session.findings} if self.session.released else set()
        decisions = [
            min(decision, Decision.FLAG) if _sort(finding) in overruled else decision
            for finding in findings
            for decision in [self._policy.decide(finding, self.session)]
        ]
        return max([*decisions, so_far])

    async def refuse(self, decision: Decision, findings: Sequence[Finding]) -> None:
        """End the upload because of its content. The caller holds ``lock``."""
        keep = decision is Decision.QUARANTINE or self._policy.keeps_rejected()
        await self.change(
            state=SessionState.REJECTED,
            quarantined=keep,
            failure_code="content-rejected",
            failure_message=self._why(decision, findings),
        )
        reason = rejection(self.session)
        if self.follower is not None:
            self.follower.abandon(reason)
        await self.stop_receiving(reason)
        await (self._uploads.quarantine if keep else self._uploads.remove)(self.session.id)
        self.progress.tell_status()

    def _why(self, decision: Decision, findings: Sequence[Finding]) -> str:
        grave = [f for f in findings if self._policy.decide(f, self.session) >= decision]
        what = grave[0].message if grave else "of its content"
        return f"The file was refused: {what}"

    async def end(self, state: SessionState, error: PdfsluiceError) -> None:
        """End the upload without a document and delete its bytes. The caller holds ``lock``."""
        await self.change(state=state, failure_code=error.code, failure_message=error.message)
        if self.follower is not None:
            self.follower.abandon(error)
        await self.stop_receiving(error)
        await self._uploads.remove(self.session.id)
        self.progress.tell_status()

    async def failed(self, error: PdfsluiceError) -> None:
        """End the upload because a stage failed; a fault that may pass leaves it resumable."""
        if error.retryable:
            logger.warning("upload %s: %s", self.session.id, error.message)
            return
        async with self.lock:
            if self.session.state in {SessionState.CREATED, SessionState.UPLOADING}:
                await self.end(SessionState.FAILED, error)


def _sort(finding: Finding) -> tuple[Any, ...]:
    """Return what findings have in common that an administrator takes for the same."""
    return finding.kind, finding.trigger


def _place(finding: Finding) -> tuple[Any, ...]:
    """Return what tells one finding from another, and from itself when it has become graver."""
    return (
        finding.stage,
        finding.kind,
        finding.severity,
        finding.offset,
        finding.object,
        finding.trigger,
        finding.revision,
        finding.message,
    )
