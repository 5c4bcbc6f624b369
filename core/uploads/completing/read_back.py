"""Reading an upload back before it becomes a document.

What is published must be what was received, and what the stages saw. So the stored bytes are
compared with their fingerprints once more when the stages have seen them.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.scanning.follower import Follower
from pdfsluice.core.threads import run_uncancelled
from pdfsluice.core.uploads.open_upload.stored_bytes import StoredBytes
from pdfsluice.core.uploads.open_upload.upload import OpenUpload

DEFAULT_MIN_BYTES = 16 * 1024 * 1024
"""Size from which an upload is read while its stages work; a smaller one takes no time."""
_STEP_BYTES = 16 * 1024 * 1024


class ReadBack:
    """What is known of the stored bytes of one upload.

    Args:
        stored: The bytes; all of them are committed.
    """

    def __init__(self, stored: StoredBytes) -> None:
        self._stored = stored
        self._changed_at: int | None = None
        self._intact = 0

    async def follow(self, follower: Follower) -> None:
        """Read each range after the stages have seen it; stop at the first corrupt one."""
        self._changed_at = self._last_change()
        if self._changed_at is None:
            return
        rest = sorted(self._stored.extents.known or (), key=lambda extent: extent.start)
        while rest:
            position = await follower.reached(min(rest[0].end + _STEP_BYTES, rest[-1].end))
            step = [extent for extent in rest if extent.end <= position]
            await run_uncancelled(self._compare(step))
            if self._intact < step[-1].end:
                return
            rest = rest[len(step) :]

    async def corrupt(self) -> Sequence[Extent]:
        """Return the extents whose stored bytes are no longer what was committed.

        To be called after the last stage. It reads what :meth:`follow` has not, or everything
        if the bytes were changed since.

        Raises:
            StorageFailed: The storage reported an I/O error, or the blob is closed.
        """
        is_unchanged = self._intact > 0 and self._changed_at == self._last_change()
        return await self._stored.corrupt(after=self._intact if is_unchanged else 0)

    async def _compare(self, extents: Sequence[Extent]) -> None:
        if not await self._stored.corrupt_among(extents):
            self._intact = extents[-1].end

    def _last_change(self) -> int | None:
        try:
            return self._stored.changed_at
        except StorageFailed:  # corrupt() finds out what it means
            return None


@asynccontextmanager
async def reading_back(
    upload: OpenUpload, total: int, *, min_bytes: int = DEFAULT_MIN_BYTES
) -> AsyncIterator[ReadBack]:
    """Read an upload back while its stages work in the block.

    After the last byte its stages are still busy, on one processor, and another is idle. What
    is not read by the end of the block is left to :meth:`ReadBack.corrupt`.

    Args:
        upload: All its bytes are committed.
        total: Its size in bytes.
        min_bytes: A smaller upload is left to :meth:`ReadBack.corrupt`.
    """
    read_back = ReadBack(upload.stored)
    if upload.follower is None or total < min_bytes:
        yield read_back
        return
    following = asyncio.create_task(read_back.follow(upload.follower))
    try:
        yield read_back
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)  # corrupt() meets its error again
