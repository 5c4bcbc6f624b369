"""The open uploads of this process: opened when used, closed when idle or ended.

Each has at most one task that completes it and one that verifies its bytes, however many
callers wait for them. A caller that leaves stops neither.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from pdfsluice.core.errors import PdfsluiceError, SessionEnded, StateConflict
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.cluster import Hold
from pdfsluice.core.plugins.ports.stores import Blob, Catalogue
from pdfsluice.core.shortages import retry_later
from pdfsluice.core.threads import run_uncancelled

from .completing.completer import Completer, require_whole
from .completing.outcomes import Outcomes
from .completing.results import Completion
from .lifecycle import ENDED, FINISHING, OPEN, closing, cut_off, lacks_bytes, stopping
from .open_upload.backends import Backends
from .open_upload.state import UploadState
from .open_upload.upload import OpenUpload
from .opening import UploadOpener
from .taking import Taking

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Entry:
    """An open upload and the tasks that work on it.

    Attributes:
        upload: The upload.
        touched: When it was last asked for, on the monotonic clock.
        completion: The task that completes it.
        verification: The task that compares its bytes with their fingerprints.
        closing: The task that closes it.
    """

    upload: OpenUpload
    touched: float
    completion: "asyncio.Task[Completion] | None" = None
    verification: "asyncio.Task[None] | None" = None
    closing: "asyncio.Task[None] | None" = None

    @property
    def busy(self) -> bool:
        tasks = (self.completion, self.verification)
        return self.upload.busy or any(task is not None and not task.done() for task in tasks)


class OpenUploads:
    """The uploads that are open in this process: opened, completed and closed here.

    Args:
        backends: What all uploads work with.
        catalogue: Where the documents are that they become.
        opener: Makes open uploads.
        completer: Takes a complete upload to its document.
        max_open_early: How many uploads may be open before a new one waits for its first
            bytes to be opened: each holds a file open.

    Attributes:
        interrupted: Uploads whose completion ended before they did: a fault came between.
    """

    def __init__(
        self,
        backends: Backends,
        *,
        catalogue: Catalogue,
        opener: UploadOpener,
        completer: Completer,
        max_open_early: int,
    ) -> None:
        self._backends = backends
        self._sessions = backends.sessions
        self._traffic = backends.traffic
        self._workers = backends.workers
        self._cluster = backends.cluster
        self._outcomes = Outcomes(backends.sessions, catalogue, opener.publish_status)
        self._opener = opener
        self._taking = Taking(backends)
        self._completer = completer
        self._max_open_early = max_open_early
        self._open: dict[str, _Entry] = {}
        self._opening: dict[str, asyncio.Task[OpenUpload]] = {}
        self._verified: set[str] = set()
        self.interrupted: set[str] = set()

    # Opening

    def peek(self, session_id: str) -> OpenUpload | None:
        """Return an upload if it is open, without opening it."""
        entry = self._open.get(session_id)
        return None if entry is None else entry.upload

    def all(self) -> Sequence[OpenUpload]:
        """Return all uploads that are open now."""
        return [entry.upload for entry in self._open.values()]

    async def current(self, session_id: str) -> Session:
        """Return the session as it is now; other nodes may have changed it.

        Raises:
            SessionNotFound: There is no such session.
        """
        upload = self.peek(session_id)
        if upload is None:
            return await self._sessions.get(session_id)
        await upload.refresh()
        return upload.session

    def touch(self, upload: OpenUpload) -> None:
        """Note that an upload is in use: another node has received bytes of it."""
        entry = self._open.get(upload.session.id)
        if entry is not None:
            entry.touched = time.monotonic()

    @property
    def committed_bytes(self) -> int:
        """How many bytes this process has committed."""
        return self._traffic.committed_bytes

    @property
    def receiving(self) -> int:
        """How many uploads are receiving bytes right now."""
        return sum(entry.upload.receiving for entry in self._open.values())

    async def begin(self, session: Session, blob: Blob) -> None:
        """Register a newly created upload as open.

        If many uploads are open already, it is closed until its first bytes come. One of several
        nodes does not hold it: the node to which the first bytes come does.

        Args:
            session: As it was just stored.
            blob: Its bytes, open.
        """
        if len(self._open) >= self._max_open_early:
            await self._workers.run(blob.close)
            return
        self._enter(self._opener.new(session, blob, holding=not self._cluster.shared))

    async def get(self, session: Session) -> OpenUpload:
        """Return the open upload of a session, opening it if need be."""
        return (await self._entry(session)).upload

    async def to_receive(self, session: Session) -> OpenUpload:
        """Return the open upload of a session for bytes that come here.

        The node to which the first bytes come holds it, if no other one does.
        """
        was_open = session.id in self._open
        upload = await self.get(session)
        if was_open and self._taking.begins_before(upload):
            await self.take(upload)
        return upload

    async def _entry(self, session: Session) -> _Entry:
        is_current = True
        while True:
            entry = self._open.get(session.id)
            if entry is not None:
                if entry.completion is not None and lacks_bytes(entry.upload.session):
                    await asyncio.wait({entry.completion})  # it failed and closes the upload
                elif entry.closing is None and not entry.upload.blob_failed:
                    entry.touched = time.monotonic()
                    return entry
                await self.close(entry.upload)
                is_current = False
                continue
            task = self._opening.get(session.id)
            if task is None:
                task = self._single(self._take_up(session, is_current=is_current))
                self._opening[session.id] = task
            await asyncio.shield(task)

    async def _take_up(self, session: Session, *, is_current: bool) -> OpenUpload:
        """Hold and open an upload; the first commit reads the row of a new one."""
        is_new = is_current and session.state is SessionState.CREATED and not session.committed
        hold = Hold(mine=False)
        try:
            if not (is_new and self._taking.at_commit):
                hold = await self._taking.hold(session)
            row = session if is_new else await self._sessions.get(session.id)
            deadly = self._taking.is_deadly(hold, row)
            upload = await self._opener.open(row, holding=hold.mine and not deadly)
            if deadly:
                await self._taking.fail(upload, hold)
            upload.deaths = hold.deaths
            self._enter(upload)
        except BaseException:
            if hold.mine:
                await self._taking.release([session.id])
            raise
        else:
            return upload
        finally:
            del self._opening[session.id]

    def _enter(self, upload: OpenUpload) -> None:
        self._open[upload.session.id] = _Entry(upload, time.monotonic())

    @staticmethod
    def _single(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Start a task that callers share; how it ends is logged, though no caller waits."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return task

    # Changing

    async def verify(self, session: Session) -> OpenUpload:
        """Compare the stored bytes with their fingerprints; what differs is missing again.

        An upload is read once in the life of the process, however many callers ask for it;
        a later fault of the disk is found before the file is judged.
        """
        entry = await self._entry(session)
        if session.id not in self._verified or entry.upload.stored.damaged:
            if entry.verification is None or entry.verification.done():
                entry.verification = self._single(self._verify(entry.upload))
            await asyncio.shield(entry.verification)
        return entry.upload

    async def _verify(self, upload: OpenUpload) -> None:
        await upload.drop(await upload.stored.corrupt())
        if upload.session.state not in ENDED:
            self._verified.add(upload.session.id)

    async def end(self, session: Session, state: SessionState, reason: str) -> Session:
        """End an upload without a document: cancel or expire it.

        Raises:
            StateConflict: It is being imported, or has ended otherwise meanwhile.
        """
        upload = await self.get(session)
        try:
            return await upload.cancel(state, SessionEnded(reason))
        finally:
            if upload.session.state in ENDED:
                await self.close(upload)

    # Completing

    async def complete(self, session: Session) -> Session:
        """Begin to complete an upload, unless it is being completed already.

        It is not opened here if another node holds it: that one completes it.

        Args:
            session: As it was just read; see :meth:`current`.

        Raises:
            UploadIncomplete: Bytes are missing.
        """
        was_open = session.id in self._open
        if not was_open and not (await self._taking.hold(session)).mine:
            return await self._outcomes.request(UploadState(session, self._backends))
        entry = await self._entry(session)
        upload = entry.upload
        if upload.session.state in OPEN:
            require_whole(upload.session)
        if not (await self.take(upload) if was_open else upload.holding):
            return await self._outcomes.request(upload)
        if entry.completion is None or entry.completion.done():
            entry.completion = self._single(self._complete(upload))
        return upload.session

    async def _complete(self, upload: OpenUpload) -> Completion:
        """Complete an upload, then close it: it has ended, or its bytes need another look."""
        session_id = upload.session.id
        try:
            completion = await self._completer.complete(upload)
        except PdfsluiceError as error:
            details = {"session_id": session_id, "code": error.code}
            logger.info("upload not completed: %s", error.message, extra=details)
            raise
        except Exception as error:
            logger.exception("completing upload %s failed", session_id)
            raise retry_later(error, "complete the upload") from error
        finally:
            if upload.session.state in FINISHING:
                self.interrupted.add(session_id)
            await self.close(upload)
        logger.info("upload completed", extra={"session_id": session_id})
        return completion

    async def result(self, session: Session) -> Completion:
        """Wait for a completion and return how it ended.

        Args:
            session: As :meth:`complete` has just returned it, or as it was just read.

        Raises:
            Overloaded: The server stops first; it continues after the next start.
            PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.complete`.
        """
        entry = self._open.get(session.id)
        if entry is None or entry.completion is None:
            if self._cluster.shared:
                return await self._outcomes.wait(session)
            return await self._outcomes.of(session.id)
        try:
            return await asyncio.shield(entry.completion)
        except StateConflict:  # another node may have been faster
            if not self._cluster.shared:
                raise
            return await self._outcomes.wait(await self._sessions.get(session.id))
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise (cut_off() if self._cluster.cut_off else stopping()) from None

    def changed(self, session_id: str, state: str) -> None:
        """Note that another node has changed an upload; ``state`` is empty if not known."""
        self._outcomes.changed(session_id, state)

    async def take(self, upload: OpenUpload) -> bool:
        """Hold an upload from now on if possible; return whether this node holds it."""
        return await self._taking.take(upload)

    # Closing

    async def close(self, upload: OpenUpload, reason: PdfsluiceError | None = None) -> None:
        """Close an upload; its state stays in the stores. Closing it again is harmless.

        Args:
            upload: The upload.
            reason: What requests that send bytes are answered.
        """
        session_id = upload.session.id
        entry = self._open.get(session_id)
        if entry is None or entry.upload is not upload:
            return
        if entry.closing is None:
            entry.closing = self._single(self._close(entry, reason or closing()))
        await run_uncancelled(entry.closing)

    async def _close(self, entry: _Entry, reason: PdfsluiceError) -> None:
        session_id = entry.upload.session.id
        try:
            await entry.upload.close(reason)
        finally:
            if entry.upload.session.state in ENDED:
                self._verified.discard(session_id)
            del self._open[session_id]
            if entry.upload.holding and entry.upload.session.state not in ENDED:
                await self._taking.release([session_id])  # the end of an upload releases it

    async def drop(self, session_id: str) -> None:
        """Close an upload if it is open."""
        upload = self.peek(session_id)
        if upload is not None:
            await self.close(upload)

    async def close_idle(self, idle_seconds: float) -> None:
        """Close what has ended, and what was not touched for a while."""
        limit = time.monotonic() - idle_seconds
        for entry in list(self._open.values()):
            ended = entry.upload.session.state in ENDED
            if not entry.busy and (ended or entry.touched < limit):
                await self.close(entry.upload)

    async def drain(self, grace: float) -> None:
        """Give running work ``grace`` seconds to end, then stop it and close everything."""
        entries = list(self._open.values())
        await asyncio.gather(*(self._drain_one(each, grace, stopping()) for each in entries))

    async def stop_holding(self) -> None:
        """Close all uploads that this node holds; their stages and completions stop.

        Nothing of them is stored: this node is cut off from the rows.
        """
        entries = [entry for entry in self._open.values() if entry.upload.holding]
        for entry in entries:
            entry.upload.holding = False
        await self._taking.release([entry.upload.session.id for entry in entries])
        await asyncio.gather(*(self._drain_one(each, 0.0, cut_off()) for each in entries))

    async def _drain_one(self, entry: _Entry, grace: float, reason: PdfsluiceError) -> None:
        end = time.monotonic() + grace
        try:
            await entry.upload.claims.wait_released(grace)
            await entry.upload.claims.stop_all(reason)
            if entry.completion is not None:
                await asyncio.wait({entry.completion}, timeout=max(0.0, end - time.monotonic()))
                entry.completion.cancel()
                await asyncio.gather(entry.completion, return_exceptions=True)
            await self.close(entry.upload, reason)
        except Exception:  # one upload in trouble must not keep the others from their stores
            logger.exception("upload %s could not be closed", entry.upload.session.id)
