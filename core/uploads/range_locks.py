"""Locks on ranges of an upload that other nodes may write at the same time.

The requests of one node exclude each other by claims. In a store whose nodes write to the same
file, a request locks its range in the file as well, and then reads what is committed: from there
on no other node commits in this range. A store that gives each committed range a place of its own
needs no lock, because the commit decides.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from pdfsluice.core.errors import Overloaded
from pdfsluice.core.plugins.ports.blobs import LockableBlob
from pdfsluice.core.plugins.ports.cluster import Cluster, Hint, HintKind

from .lifecycle import refusal
from .open_upload.claims import Claim
from .open_upload.upload import OpenUpload

_TIMEOUT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.005
_MAX_PAUSE_SECONDS = 0.2


@asynccontextmanager
async def exclusive(
    upload: OpenUpload, claim: Claim, cluster: Cluster, *, patience: float = _TIMEOUT_SECONDS
) -> AsyncIterator[None]:
    """Keep other nodes from writing a claimed range of the same file.

    What they have committed in such a range is known on entering.

    Args:
        upload: The upload.
        claim: The range, claimed at this node.
        cluster: The other nodes; a request at one of them is asked to end.
        patience: Seconds to wait for it.

    Raises:
        Overloaded: Another node did not release the range in time.
        PdfsluiceError: The upload has ended meanwhile, or bytes cannot be fetched.
    """
    blob = upload.blob
    lockable = cast(LockableBlob, blob) if hasattr(blob, "lock") else None
    start, end = claim.start, claim.end
    if lockable is not None:
        wish = Hint(HintKind.STOP, upload.session.id, start, end)
        await _lock(lockable, wish, cluster, patience)
    try:
        if lockable is not None:
            await upload.refresh()
            error = refusal(upload.session)
            if error is not None:
                raise error
        committed = upload.session.committed.overlap(start, end)
        if committed and lockable is None:  # these bytes are compared with what comes
            await upload.stored.fetch(start, committed.ranges[-1][1])
        yield
    finally:
        if lockable is not None:
            lockable.unlock(start, end)


async def _lock(blob: LockableBlob, wish: Hint, cluster: Cluster, patience: float) -> None:
    """Lock a range, asking requests of other nodes for it to end."""
    pause = _FIRST_PAUSE_SECONDS
    try:
        async with asyncio.timeout(patience):
            while not blob.lock(wish.start, wish.end):
                cluster.notify(wish)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)
    except TimeoutError:
        raise Overloaded(
            "another request is sending these bytes",
            retry_after=1,
            hint="Ask for the session's missing_ranges, then send them again.",
        ) from None
