"""Makes one upload of finished parts (tus, concatenation); safe to repeat.

The parts are marked with the upload that they are to become before their bytes move. A
client that lost the answer, also because the server was killed, repeats the request and
receives the same upload. Until the end that upload is a part itself, so it is not listed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from pdfsluice.core.errors import NotFound, ProtocolError
from pdfsluice.core.models import Extent, Session, SessionState
from pdfsluice.core.plugins.ports.stores import SessionStore, UploadStore

from .extent_merging import by_place
from .lifecycle import OPEN
from .open_uploads import OpenUploads
from .records import reduced


class Concatenation:
    """Joins parts; one for all uploads."""

    def __init__(
        self, sessions: SessionStore, uploads: UploadStore, open_uploads: OpenUploads
    ) -> None:
        self._sessions = sessions
        self._uploads = uploads
        self._open_uploads = open_uploads
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
            StorageFull: There is no room.
        """
        if not part_ids or len(set(part_ids)) != len(part_ids):
            raise ProtocolError("a concatenation needs different parts")
        async with AsyncExitStack() as turns:
            for part_id in sorted(part_ids):  # in one order, or two requests could wait in a circle
                lock = self._turns.setdefault(part_id, asyncio.Lock())
                await turns.enter_async_context(lock)
            parts = [await find(part_id) for part_id in part_ids]
            whole = await self._begun(parts) or await self._begin(parts, open_whole)
            if whole.partial:
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

    async def _begun(self, parts: Sequence[Session]) -> Session | None:
        """Return the upload that an earlier request began to make of these parts."""
        marks = {part.joined_into for part in parts}
        mark = marks.pop()
        if marks or mark is None:
            return None
        whole = await self._sessions.get(mark)
        return whole if whole.total_size == sum(part.total_size or 0 for part in parts) else None

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
        for part in parts:
            await self._open_uploads.drop(part.id)
            current = await self._sessions.get(part.id)
            await self._sessions.update(current, joined_into=whole.id)
        return await self._sessions.get(whole.id)

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


def _now() -> datetime:
    return datetime.now(UTC)
