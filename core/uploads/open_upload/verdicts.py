"""Verdicts of the policy on an open upload, and what follows from them."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.findings import Decision, Finding
from pdfsluice.core.models.sessions import SessionState
from pdfsluice.core.uploads.lifecycle import ENDED, rejection

from .backends import Backends
from .judging import judge, new_findings, refusal_message, with_findings
from .progress import ProgressPublisher
from .state import UploadState

Stop = Callable[[PdfsluiceError, Callable[[str], Coroutine[Any, Any, None]]], Awaitable[None]]
"""Stops the requests and stages of an upload for a reason, then disposes of its bytes."""


class Verdicts:
    """The verdicts on the findings of one upload.

    Args:
        upload: Its snapshot.
        backends: What all uploads work with.
        progress: Publishes new findings.
        stop: Stops a refused upload.
    """

    def __init__(
        self, upload: UploadState, backends: Backends, progress: ProgressPublisher, stop: Stop
    ) -> None:
        self._upload = upload
        self._policy = backends.policy
        self._uploads = backends.uploads
        self._progress = progress
        self._stop = stop

    def judge(self, findings: Sequence[Finding]) -> Decision:
        """Return the decision about findings of the whole file."""
        return judge(self._policy, self._upload.session, findings)

    async def add(self, findings: Sequence[Finding]) -> bool:
        """Record findings of stream stages; return whether the upload continues."""
        return await self._upload.as_unit(partial(self._add, findings))

    async def _add(self, findings: Sequence[Finding]) -> bool:
        upload = self._upload
        if upload.session.state in ENDED:
            return False
        new = new_findings(upload.session, findings)
        all_findings = with_findings(upload.session, new)
        decision = judge(self._policy, upload.session, findings, upload.session.decision)
        await upload.change(findings=all_findings, decision=decision)
        self._progress.publish_findings(new)
        if not decision.refuses:
            return True
        await self.refuse(decision, all_findings)
        return False

    async def refuse(self, decision: Decision, findings: Sequence[Finding]) -> None:
        """End the upload because of its content; part of a unit."""
        upload = self._upload
        keep = decision is Decision.QUARANTINE or self._policy.keeps_rejected()
        await upload.change(
            state=SessionState.REJECTED,
            quarantined=keep,
            failure_code="content-rejected",
            failure_message=refusal_message(self._policy, upload.session, decision, findings),
        )
        dispose = self._uploads.quarantine if keep else self._uploads.remove
        await self._stop(rejection(upload.session), dispose)
