"""An open upload: owner of its bytes, of the requests that send them, of its end."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any

from pdfsluice.core.errors import PdfsluiceError, StateConflict
from pdfsluice.core.models.ranges import RangeSet
from pdfsluice.core.models.sessions import Extent, Session, SessionState
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.scanning.follower import Follower
from pdfsluice.core.scanning.reader import Checkpoints
from pdfsluice.core.threads import run_uncancelled
from pdfsluice.core.uploads.lifecycle import ENDED, FINISHING, OPEN, closing, refusal

from .backends import Backends
from .claims import Claim, Claims
from .commit_hints import commit_hint
from .committing import Commits
from .progress import ProgressPublisher
from .state import UploadState
from .stored_bytes import StoredBytes
from .verdicts import Verdicts

logger = logging.getLogger(__name__)


class OpenUpload(UploadState):
    """The one object of this process through which an upload changes.

    Args:
        session: The stored session.
        blob: Its bytes, open.
        backends: What all uploads work with.
        progress: Makes the publisher of its events from two callables: the latest snapshot,
            and how many bytes have come that are not committed.
        follow: Makes the follower that shows the bytes to the stages, which continue from
            checkpoints; ``None`` for an upload without stages.
        extents: The committed extents, if they are known without asking the session store.

    Attributes:
        holding: Whether this node shows it to the stages, publishes and completes it.
        deaths: How many holders died while they were scanning it.
        blob: The bytes, open for reading and writing.
        progress: Publishes how far the upload has come.
        follower: Shows the bytes to the stream stages, if the upload has stages.
        closed: Whether the upload was closed; another object may stand for it now.
        blob_failed: Whether the storage failed, so that the upload has to be opened again.
        checkpoints_void: Whether stages have seen bytes of a range that is dropped.
        claims: The ranges that requests write now.
        verdicts: What the policy decides about its findings.
        stored: Its committed bytes, as the store keeps them.
    """

    def __init__(
        self,
        session: Session,
        blob: Blob,
        backends: Backends,
        *,
        progress: Callable[[Callable[[], Session], Callable[[], int]], ProgressPublisher],
        follow: "Callable[[OpenUpload, Checkpoints], Follower] | None",
        checkpoints: Checkpoints,
        extents: Sequence[Extent] | None = None,
        holding: bool = True,
    ) -> None:
        super().__init__(session, backends)
        self.holding, self.deaths = holding, 0
        self._is_read = False
        self.checkpoints_void = False
        self.blob = blob
        self.closed = False
        self.blob_failed = False
        self.claims = Claims()
        self.stored = StoredBytes(session.id, backends, lambda: self.blob, extents)
        self.progress = progress(lambda: self.session, lambda: self.claims.pending)
        self.progress.silent = not holding
        self._commits = Commits(
            self,
            backends,
            self.stored,
            on_begun=self.progress.publish_status,
            on_held=lambda: self.hold({}),
        )
        self.verdicts = Verdicts(self, backends, self.progress, self._stop)
        self._follow = follow
        self.follower: Follower | None = None
        self._start_following(checkpoints)

    def _start_following(self, checkpoints: Checkpoints) -> None:
        self.progress.validated = 0
        if self._follow is not None and self.holding:
            self.follower = self._follow(self, checkpoints)
            self.follower.wake()

    @property
    def receiving(self) -> bool:
        """Whether a request is sending bytes now."""
        return bool(self.claims)

    @property
    def busy(self) -> bool:
        """Whether a request sends bytes or a unit runs."""
        return bool(self.claims) or self._lock.locked()

    @property
    def is_whole_here(self) -> bool:
        """Whether this node holds it and knows that every byte is committed."""
        return self.holding and self.session.state in OPEN and self.session.next_chunk_id is None

    # Other nodes

    async def refresh(self) -> None:
        """Take in what other nodes have changed; see :meth:`.UploadState.refresh`.

        If one of them has dropped a damaged range, other bytes may be committed there by now,
        and the stages here have passed it: the upload is opened again for its next use.
        """
        version, extents = self.session.version, self.stored.extents.remembered
        await super().refresh()
        if self.follower is None or self.session.version == version:
            return
        if not extents <= set(await self.stored.extents.all()):
            self.checkpoints_void = self.blob_failed = True

    def _take_row(self, row: Session, meanwhile: RangeSet) -> None:
        before = self.session
        super()._take_row(row, meanwhile)
        if self.session.version != before.version or self.session.committed != before.committed:
            self.stored.extents.forget()
        self._commits.size_limit = self.session.total_size
        if self.follower is not None:
            self.follower.wake()

    def _concerns_others(self, state: SessionState) -> bool:
        """Return whether other nodes act on it: not on a holder's completion."""
        return not (self.holding and state in FINISHING)

    def hold(self, checkpoints: Checkpoints) -> None:
        """Begin to show the bytes to the stages and to publish progress."""
        if not self.holding:
            self.holding, self.progress.silent, self._is_read = True, False, False
            self._start_following(checkpoints)

    async def prepare(self, start: int, end: int) -> None:
        """Bring bytes to where stages read them; they begin to read after that."""
        await self.stored.fetch(start, end)
        if self.deaths and not self._is_read:
            await self._cluster.begin_reading(self.session.id)
            self._is_read = True

    # Receiving

    def claim(self, start: int, end: int) -> AbstractAsyncContextManager[Claim]:
        """Claim ``[start, end)`` for the current task; see :meth:`.claims.Claims.claim`."""
        return self.claims.claim(start, end, self._refusal)

    def _refusal(self) -> PdfsluiceError | None:
        error = refusal(self.session)
        if error is None and self.closed:
            return closing()
        return error

    async def commit(
        self, claim: Claim, extents: Sequence[Extent], *, chunk_id: int | None
    ) -> None:
        """Make ranges exist: store them, count them, wake the stages, publish progress.

        Raises:
            SizeExceeded: The file has become shorter than the range meanwhile.
        """
        if extents:
            await run_uncancelled(self._commits.store(claim, extents))
            await self.stored.extents.merge()
        if self.follower is not None:
            self.follower.wake()
        if extents:
            number = extents[0].start // self.session.chunk_size if chunk_id is None else chunk_id
            self.progress.chunk_committed(number)
            if not self.holding:
                for extent in extents:
                    self._cluster.notify(commit_hint(self.session.id, extent))

    def learn(self, extents: Sequence[Extent]) -> None:
        """Take in extents that other nodes may have committed."""
        self._commits.learn(extents)
        if self.follower is not None:
            self.follower.wake()

    @property
    def position(self) -> int:
        """The highest offset up to which bytes are committed or have come."""
        committed = self.session.committed
        return max(self.claims.position, committed.ranges[-1][1] if committed else 0)

    def limit_size(self, total: int | None) -> None:
        """Let no commit and no request go past a size; ``None`` lifts that of commits."""
        self._commits.size_limit = total
        if total is not None:
            self.claims.limit(total)

    # The end

    async def end(self, state: SessionState, error: PdfsluiceError) -> None:
        """End the upload without a document and delete its bytes; part of a unit."""
        await self.change(state=state, failure_code=error.code, failure_message=error.message)
        await self._stop(error, self._backends.uploads.remove)

    async def _stop(
        self, reason: PdfsluiceError, dispose: Callable[[str], Coroutine[Any, Any, None]]
    ) -> None:
        """Stop the requests of an upload that has ended, and dispose of its bytes."""
        if self.follower is not None:
            self.follower.abandon(reason)
        await self.claims.stop_all(reason)
        try:
            await dispose(self.session.id)
        finally:
            self.progress.publish_status()

    async def cancel(self, state: SessionState, error: PdfsluiceError) -> Session:
        """End an upload that has not ended: cancelled by its client, or expired.

        Raises:
            StateConflict: It is being imported, or has ended otherwise meanwhile.
        """
        return await self.as_unit(partial(self._cancel, state, error))

    async def _cancel(self, state: SessionState, error: PdfsluiceError) -> Session:
        if self.session.state is SessionState.IMPORTING:
            raise StateConflict("the upload is already being imported")
        if self.session.state in {*OPEN, *FINISHING}:
            await self.end(state, error)
        if self.session.state is not state:
            raise StateConflict(f"the upload is {self.session.state} and cannot be {state}")
        return self.session

    def validated(self, position: int) -> None:
        """Count bytes that every stream stage has seen."""
        self.progress.validated = position
        self.progress.touch()

    # Integrity and closing

    async def drop(self, corrupt: Sequence[Extent]) -> bool:
        """Make the ranges of corrupt extents missing again.

        The stages then read the file from its start.

        Returns:
            Whether there were any.
        """
        if not corrupt:
            return False
        logger.warning("upload %s: %d stored ranges are damaged", self.session.id, len(corrupt))
        self.checkpoints_void = True
        if self.follower is not None:
            await self.follower.close()  # no unit: the stages may be waiting for one
        try:
            await self.as_unit(partial(self._drop, corrupt))
        except BaseException:
            self.blob_failed = True  # the row has perhaps less than the snapshot
            raise
        return True

    async def _drop(self, corrupt: Sequence[Extent]) -> None:
        if self.session.state in ENDED:
            return
        # The checkpoints first: after a crash in between no stage skips what replaces the ranges.
        await self._backends.sessions.save_checkpoints(self.session.id, {})
        await self._backends.sessions.drop_extents(self.session.id, corrupt)
        committed = self.session.committed
        for extent in corrupt:
            committed = committed.remove(extent.start, extent.end)
        self.session = self.session.changed(committed=committed)
        self.stored.extents.forget()
        state = self.session.state
        await self.change(
            findings=(),
            state=SessionState.UPLOADING if state is SessionState.VALIDATING else state,
        )
        if not self.closed:
            self._start_following({})
            self.checkpoints_void = False

    async def close(self, reason: PdfsluiceError) -> None:
        """End its requests, close its stages and its blob; its state is stored.

        Not to be cancelled.
        """
        self.closed = True
        await self.claims.stop_all(reason)
        checkpoints: Checkpoints = {}
        if self.follower is not None:
            checkpoints = await self.follower.close()  # no unit: the stages may wait for one
        async with self._lock:
            self.progress.close()
            try:
                if self.session.state in OPEN and self.holding:
                    await self._save(checkpoints)
            finally:
                completed = self.session.state is SessionState.COMPLETED
                await self.stored.close(published=completed and not self.session.duplicate)

    async def _save(self, checkpoints: Checkpoints) -> None:
        """Store what is to be known when the upload is opened again."""
        if self.meter.measures != self.session.measures:
            with suppress(PdfsluiceError):  # they then lack what was measured since
                await self.change()
        if checkpoints or self.checkpoints_void:
            valid = {} if self.checkpoints_void else dict(checkpoints)
            await self._backends.sessions.save_checkpoints(self.session.id, valid)
