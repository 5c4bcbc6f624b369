"""Keeps the open uploads of this node in step with the other nodes.

Any node receives any bytes of any upload. One live node *holds* an upload: it shows the bytes to
the stages, publishes the progress and completes the upload. Holding saves double work and no
more: a node that was stopped for a minute and still believes to hold an upload fails at the
version of its row.

Hints of other nodes arrive within milliseconds. One that is lost is made up for by a look at
the rows every two seconds.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from pdfsluice.core.background import background
from pdfsluice.core.errors import PdfsluiceError, SessionNotFound
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.ports.cluster import Cluster, Hint, HintKind, UploadReview
from pdfsluice.core.plugins.ports.stores import SessionStore

from .lifecycle import ENDED, FINISHING, closing, missing, refusal
from .open_upload.commit_hints import hinted_extent
from .open_upload.upload import OpenUpload
from .open_uploads import OpenUploads

logger = logging.getLogger(__name__)

_MAX_TAKEN_OVER = 4
_TURN_SECONDS = 0.5
"""How long the next completion of a dead node's upload waits for the one before it."""
_MAX_RETRY_FACTOR = 20
"""How many times longer than the first pause that before a further attempt may become."""
_JITTER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingIntervals:
    """How often a node looks at rows without a hint, in seconds.

    Attributes:
        review: Between two looks at the rows of open uploads.
        take_over: Between two searches for the work of dead nodes.
        retry: Between two attempts to continue a completion that was interrupted, at first.
        acquit: Between two records of how far the stages are with uploads whose holder has died.
    """

    review: float = 2.0
    take_over: float = 5.0
    retry: float = 30.0
    acquit: float = 0.2


DEFAULT_INTERVALS = HoldingIntervals()


class Holding:
    """A follower of what other nodes do with uploads that are open here.

    Args:
        cluster: The other nodes.
        sessions: Where the rows are.
        open_uploads: The uploads of this node.
        on_jobs: Called with the text of the hint when another node has queued jobs.
        on_stop: Called with the number of a job that another node has cancelled.
        intervals: How often it looks at rows.
    """

    def __init__(
        self,
        cluster: Cluster,
        sessions: SessionStore,
        open_uploads: OpenUploads,
        *,
        on_jobs: Callable[[str], None],
        on_stop: Callable[[int], None],
        intervals: HoldingIntervals = DEFAULT_INTERVALS,
    ) -> None:
        self._cluster = cluster
        self._sessions = sessions
        self._open_uploads = open_uploads
        self._on_jobs = on_jobs
        self._on_stop = on_stop
        self._intervals = intervals
        self._suspects: Mapping[str, int] = {}  # how far stages were with them
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        cluster.subscribe(self._received)
        cluster.on_shared(self._hold_all)
        cluster.on_cut_off(lambda: self._start(self._stop_holding()))

    @asynccontextmanager
    async def running(self, interrupted: Sequence[Session]) -> AsyncIterator[None]:
        """Follow the other nodes until the context is left.

        Args:
            interrupted: Uploads whose completion a restart has interrupted; it is continued.
        """
        times = self._intervals
        works: dict[str, Callable[[], Awaitable[object]]] = {
            "completion of interrupted uploads": partial(self._resume_completions, interrupted),
            "review of open uploads": partial(_regularly, self.review, times.review),
            "search for abandoned uploads": partial(_regularly, self.take_over, times.take_over),
            "acquittal of uploads": partial(_regularly, self.acquit, times.acquit),
        }
        try:
            async with background(works):
                yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hold_all(self) -> None:
        """Hold what this node has done alone, before another node begins."""
        for upload in self._open_uploads.all():
            upload.holding = (await self._cluster.hold(upload.session.id)).mine

    async def _stop_holding(self) -> None:
        """Stop the work on what this node holds, before others take it over."""
        logger.error("this server is cut off from its database; it holds no uploads any more")
        await self._open_uploads.stop_holding()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Hints

    def _received(self, hint: Hint) -> None:
        if hint.kind is HintKind.JOBS:
            self._on_jobs(hint.text)
            return
        if hint.kind is HintKind.STOP_JOB:
            self._on_stop(hint.start)
            return
        if hint.kind not in {HintKind.COMMITTED, HintKind.CHANGED, HintKind.STOP}:
            return
        upload = self._open_uploads.peek(hint.session_id)
        if hint.kind is HintKind.COMMITTED:
            if upload is not None:
                self._note_commit(upload, hint)
            return
        if hint.kind is HintKind.CHANGED:
            self._open_uploads.changed(hint.session_id, hint.text)
        if upload is not None:
            self._start(self._act(upload, hint))

    async def _act(self, upload: OpenUpload, hint: Hint) -> None:
        try:
            if hint.kind is HintKind.STOP:
                await upload.claims.preempt(hint.start, hint.end)
            elif upload.holding or upload.busy or not hint.text:
                await self._catch_up(upload)
            elif hint.text in ENDED:  # otherwise the row is read when the upload is used again
                await self._open_uploads.close(upload)
        except PdfsluiceError as error:
            logger.debug("a hint about %s has no effect: %s", hint.session_id, error.message)

    def _note_commit(self, upload: OpenUpload, hint: Hint) -> None:
        """Show the stages of this node what another node has committed."""
        self._open_uploads.touch(upload)
        extent = hinted_extent(hint)
        if upload.holding and extent is not None:
            upload.learn([extent])
            upload.progress.chunk_committed(extent.start // upload.session.chunk_size)

    async def _catch_up(self, upload: OpenUpload) -> None:
        """Take in the row of an upload and do what follows from its state."""
        try:
            await upload.refresh()
        except SessionNotFound:
            await self._open_uploads.close(upload, missing())
            return
        session = upload.session
        if session.state in ENDED:
            await self._open_uploads.close(upload, refusal(session))
        elif session.state in FINISHING and upload.holding:
            await self._open_uploads.complete(session)

    # Rows

    async def review(self) -> None:
        """Compare the open uploads with their rows, as if each hint had been lost."""
        if not self._cluster.shared:
            return
        uploads = {upload.session.id: upload for upload in self._open_uploads.all()}
        held = {key: each.progress.validated for key, each in uploads.items() if each.holding}
        reviews = await self._cluster.review(held, uploads.keys() - held.keys())
        for session_id, upload in uploads.items():
            try:
                await self._compare(upload, reviews.get(session_id))
            except PdfsluiceError as error:
                logger.warning("upload %s was not reviewed: %s", session_id, error.message)

    async def _compare(self, upload: OpenUpload, row: UploadReview | None) -> None:
        if upload.closed:
            return
        if row is None:
            await self._open_uploads.close(upload, missing())
            return
        if upload.holding and row.holder not in {"", self._cluster.node}:
            logger.warning("upload %s was taken over by another node", upload.session.id)
            upload.holding = False  # nothing that this node knows of it is stored any more
            await self._open_uploads.close(upload, closing())
            return
        if not upload.holding:
            upload.progress.validated = row.validated
        mine = row.holder in {"", self._cluster.node}  # its own, if it could not begin
        to_take = mine and row.committed_bytes > 0 and not upload.holding
        if to_take and await self._open_uploads.take(upload):
            logger.warning("upload %s is taken over from another node", upload.session.id)
            self._start(self._continue(upload))
        elif row.version > upload.session.version or (
            upload.holding and row.committed_bytes != upload.session.committed.size
        ):
            await self._catch_up(upload)

    async def _continue(self, upload: OpenUpload) -> None:
        """Take in the row of an upload of a dead node; complete it in turn if that is due."""
        async with self._turn:
            try:
                await self._catch_up(upload)
                await self._wait_for_completion(upload.session)
            except PdfsluiceError as error:
                logger.warning("upload %s: %s", upload.session.id, error.message)

    async def _wait_for_completion(self, session: Session) -> None:
        """Wait a moment for a completion that was begun.

        A node has often left many. All at the same time would delay what clients send.
        """
        if session.state in FINISHING:
            with suppress(PdfsluiceError, TimeoutError):
                async with asyncio.timeout(_TURN_SECONDS):
                    await self._open_uploads.result(session)

    async def acquit(self) -> None:
        """Record how far the stages get with uploads whose holders have died.

        Most of these uploads were only near one that ended their node, and the next node may be
        ended by it as well: it is recorded immediately that they progress. How far the others
        are is known to a fifth of a second, so that a file that ends its readers at one place
        does not seem to progress.
        """
        held = [upload for upload in self._open_uploads.all() if upload.holding]
        suspects = {each.session.id: each.progress.validated for each in held if each.deaths}
        if suspects == self._suspects:
            return
        if suspects:
            await self._cluster.review({u.session.id: u.progress.validated for u in held}, ())
        self._suspects = suspects
        for upload in held:
            if suspects.get(upload.session.id, -1) >= upload.session.committed.size:
                upload.deaths = 0

    async def take_over(self) -> None:
        """Continue the completions of nodes that are not live."""
        if self._cluster.shared:
            for session_id in await self._cluster.abandoned(FINISHING, _MAX_TAKEN_OVER):
                async with self._turn:
                    session = await self._resumed(session_id)
                    if session is not None:
                        await self._wait_for_completion(session)

    async def _resume_completions(self, sessions: Sequence[Session]) -> None:
        """Continue completions that a restart or a fault interrupted, one after the other.

        One that cannot be continued, usually because of the storage, delays no other, and
        is tried again, less often each time.
        """
        interrupted = self._open_uploads.interrupted
        pause = retry = self._intervals.retry
        interrupted.update(session.id for session in sessions)
        while True:
            to_resume = list(interrupted)
            for session_id in to_resume:
                async with self._turn:
                    interrupted.discard(session_id)
                    session = await self._resumed(session_id)
                    if session is None:
                        interrupted.add(session_id)
                    else:
                        await self._wait_for_completion(session)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_RETRY_FACTOR * retry) if to_resume else retry

    async def _resumed(self, session_id: str) -> Session | None:
        """Continue a completion; return the upload, or ``None`` if that is to be repeated."""
        try:
            session = await self._open_uploads.current(session_id)
            if session.state in FINISHING:
                session = await self._open_uploads.complete(session)
        except Exception:
            logger.exception("upload %s cannot be completed yet; retrying", session_id)
            return None
        return session


async def _regularly(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Repeat work, with pauses that differ from node to node."""
    while True:
        await asyncio.sleep(seconds * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311
        await work()
