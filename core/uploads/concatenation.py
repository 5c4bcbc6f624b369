"""Makes one upload of finished parts (tus, concatenation); safe to repeat.

The parts are marked with the upload that they are to become before their bytes move. A
client that lost the answer, also because the server was killed, repeats the request and
receives the same upload. Until the end that upload is a part itself, so it is not listed.

The mark of one part, the one with the lowest id, decides which upload the parts become. If two
nodes join the same parts at the same time, one of them sets it, and the other drops its own
upload. The node that holds the upload moves the bytes; others wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from pdfsluice.core.errors import (
    NotFound,
    Overloaded,
    ProtocolError,
    SessionNotFound,
    StateConflict,
)
from pdfsluice.core.models.sessions import Extent, Session, SessionState
from pdfsluice.core.plugins.ports.cluster import Cluster
from pdfsluice.core.plugins.ports.stores import SessionStore, UploadStore

from .ended_sessions import reduced
from .lifecycle import ENDED, OPEN
from .open_upload.extent_merging import by_place
from .open_uploads import OpenUploads

_JOIN_TIMEOUT_SECONDS = 60.0
"""How long another node that joins the parts is waited for."""
_FIRST_POLL_SECONDS = 0.05
_MAX_POLL_SECONDS = 1.0


class Concatenation:
    """The joining of parts, for all uploads.

    Args:
        sessions: Where the rows are.
        uploads: Where the bytes are.
        open_uploads: The uploads of this node.
        cluster: The other nodes, which may join the same parts.
    """

    def __init__(
        self,
        sessions: SessionStore,
        uploads: UploadStore,
        open_uploads: OpenUploads,
        cluster: Cluster,
    ) -> None:
        self._sessions = sessions
        self._uploads = uploads
        self._open_uploads = open_uploads
        self._cluster = cluster
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def join(
        self,
        find: Callable[[str], Awaitable[Session]],
        part_ids: Sequence[str],
        open_whole: Callable[[int], Awaitable[Session]],
    ) -> Session:
        """Return the upload that the parts have become, in the given order.

        Args:
            find: Returns a session of the caller.
            part_ids: The parts.
            open_whole: Opens a new part of a size, which becomes the whole.

        Raises:
            ProtocolError: A part is named twice, is no part, or is not complete.
            SessionNotFound: A part does not exist, or is another principal's.
            StorageFull: There is no space for the whole.
            Overloaded: Another node is joining the parts and takes long.
        """
        if not part_ids or len(set(part_ids)) != len(part_ids):
            raise ProtocolError("a concatenation needs different parts")
        async with AsyncExitStack() as turns:
            for part_id in sorted(part_ids):  # in one order, or two requests could wait in a circle
                lock = self._turns.setdefault(part_id, asyncio.Lock())
                await turns.enter_async_context(lock)
            parts = [await find(part_id) for part_id in part_ids]
            whole = await self._begun(parts) or await self._begin(parts, open_whole)
            if not (await self._cluster.hold(whole.id)).mine:
                return await self._joined_elsewhere(whole.id)
            try:
                return await self._finish(whole.id, part_ids)
            finally:
                await self._cluster.release([whole.id])

    async def _finish(self, whole_id: str, part_ids: Sequence[str]) -> Session:
        """Move the bytes of the parts and end them, as far as an earlier attempt has not."""
        whole = await self._sessions.get(whole_id)
        if whole.partial:
            await self._mark(part_ids, whole)
            await self._move(whole, part_ids)
            measured = [(await self._sessions.get(part_id)).measures for part_id in part_ids]
            whole = await self._sessions.update(
                whole,
                partial=False,
                state=SessionState.UPLOADING,
                updated_at=_now(),
                measures=sum(measured, whole.measures),
            )
        await self._end(part_ids, whole)
        return whole

    async def _joined_elsewhere(self, whole_id: str) -> Session:
        """Wait until another node has joined the parts."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + _JOIN_TIMEOUT_SECONDS, _FIRST_POLL_SECONDS
        while (whole := await self._sessions.get(whole_id)).partial:
            if loop.time() > end:
                raise Overloaded(
                    "Another server is putting the parts together.",
                    retry_after=5,
                    hint="Repeat the request.",
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_POLL_SECONDS)
        return whole

    async def _begun(self, parts: Sequence[Session]) -> Session | None:
        """Return the upload that an earlier request began to make of these parts."""
        mark = _lead(parts).joined_into
        if mark is None or any(part.joined_into not in {None, mark} for part in parts):
            return None
        try:
            whole = await self._sessions.get(mark)
        except SessionNotFound:
            return None
        ended = whole.partial and whole.state in ENDED
        same = whole.total_size == sum(part.total_size or 0 for part in parts)
        return whole if same and not ended else None

    async def _begin(
        self, parts: Sequence[Session], open_whole: Callable[[int], Awaitable[Session]]
    ) -> Session:
        for part in parts:
            complete = part.total_size is not None and part.next_chunk_id is None
            if not part.partial or part.state not in OPEN or not complete:
                raise ProtocolError(f"{part.id} is not a complete part")
        whole = await open_whole(sum(part.total_size or 0 for part in parts))
        await self._open_uploads.drop(whole.id)  # its rows and its bytes change without it
        offset, shifted = 0, list[Extent]()
        for part in parts:
            for extent in await self._sessions.extents(part.id):
                start, end = extent.start + offset, extent.end + offset
                shifted.append(replace(extent, start=start, end=end))
            offset += part.total_size or 0
        here, elsewhere = by_place(shifted)
        copied = await self._uploads.copy(whole.id, elsewhere) if elsewhere else ()
        for extent in (*here, *copied):
            await self._sessions.commit(whole.id, extent, _now())
        try:
            await self._claim(_lead(parts), whole)
        except StateConflict:
            await self._open_uploads.end(
                await self._sessions.get(whole.id), SessionState.CANCELLED, "joined elsewhere"
            )
            winner = await self._begun([await self._sessions.get(part.id) for part in parts])
            if winner is None:
                raise
            return winner
        return await self._sessions.get(whole.id)

    async def _claim(self, lead: Session, whole: Session) -> None:
        """Let the parts become an upload, unless another node has decided meanwhile.

        Raises:
            StateConflict: It has.
        """
        await self._open_uploads.drop(lead.id)
        try:
            await self._mark_lead(lead, whole)
        except StateConflict:  # perhaps another node has changed another field
            await self._mark_lead(lead, whole)

    async def _mark_lead(self, lead: Session, whole: Session) -> None:
        current = await self._sessions.get(lead.id)
        if current.joined_into != lead.joined_into:
            raise StateConflict("The parts are being put together at another server.")
        await self._sessions.update(current, joined_into=whole.id)

    async def _mark(self, part_ids: Sequence[str], whole: Session) -> None:
        for part_id in part_ids:
            await self._open_uploads.drop(part_id)
            current = await self._sessions.get(part_id)
            if current.joined_into != whole.id:
                await self._sessions.update(current, joined_into=whole.id)

    async def _move(self, whole: Session, part_ids: Sequence[str]) -> None:
        """Put the bytes in their place, unless an earlier attempt came that far."""
        if any(extent.place for extent in await self._sessions.extents(whole.id)):
            return  # they were copied before they were committed
        try:
            for part_id in part_ids:
                blob = await self._uploads.open(part_id, ())
                await asyncio.to_thread(blob.close)
        except NotFound:
            return  # the store removes parts only when the whole is in its place
        await self._uploads.concatenate(whole.id, part_ids)

    async def _end(self, part_ids: Sequence[str], whole: Session) -> None:
        for part_id in part_ids:
            await self._uploads.remove(part_id)
            part = await self._sessions.get(part_id)
            if part.state in OPEN:
                await self._sessions.update(
                    part,
                    **reduced(
                        part,
                        state=SessionState.CANCELLED,
                        failure_code="concatenated",
                        failure_message=f"the part has become a part of upload {whole.id}",
                        updated_at=_now(),
                    ),
                )


def _lead(parts: Sequence[Session]) -> Session:
    """Return the part whose mark decides."""
    return min(parts, key=lambda part: part.id)


def _now() -> datetime:
    return datetime.now(UTC)
