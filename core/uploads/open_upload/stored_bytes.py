"""The committed bytes of an open upload: fetched for its stages, and verified."""

from collections.abc import Callable, Sequence

from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.models.ranges import RangeSet
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.threads import run_uncancelled

from .backends import Backends
from .extent_merging import CommittedExtents, by_place
from .integrity import fingerprint_of


class StoredBytes:
    """What is committed of one upload, and where the store keeps it.

    Args:
        session_id: The upload.
        backends: What all uploads work with.
        blob: Returns its bytes, open.
        known: The committed extents, if they are known without asking the session store.

    Attributes:
        extents: The committed extents.
        damaged: Whether bytes could not be fetched, and have to be verified.
    """

    def __init__(
        self,
        session_id: str,
        backends: Backends,
        blob: Callable[[], Blob],
        extents: Sequence[Extent] | None,
    ) -> None:
        self._session_id = session_id
        self._backends = backends
        self._blob = blob
        self.extents = CommittedExtents(session_id, backends.sessions, blob, extents)
        self.damaged = False

    async def fetch(self, start: int, end: int) -> None:
        """Bring a range to where the stages read it, if the store keeps it elsewhere.

        Raises:
            PdfsluiceError: The bytes cannot be fetched.
        """
        extents = await self.extents.elsewhere(start, end)
        if not extents:
            return
        try:
            await run_uncancelled(self._backends.workers.run(self._blob().fetch, extents))
        except StorageFailed:
            self.damaged = True
            raise

    @property
    def changed_at(self) -> int | None:
        """Another number after every change of the bytes; ``None`` if the store has none.

        Raises:
            StorageFailed: The storage reported an I/O error, or the blob is closed.
        """
        changed_at = getattr(self._blob(), "changed_at", None)
        return None if changed_at is None else changed_at()

    async def rest_of(self, extent: Extent, committed: RangeSet) -> Sequence[Extent] | None:
        """Return what is left of an extent of which another node has committed a part.

        The blob reads that part at its place, and the rest as it was written here. Together they
        have the fingerprint of the extent if they are the same bytes.

        Returns:
            Extents for the rest, sealed; ``None`` if other bytes were committed, or none.

        Raises:
            PdfsluiceError: The bytes cannot be fetched, or not be sealed.
        """
        if not extent.place or not committed.overlap(extent.start, extent.end):
            return None
        await self.fetch(extent.start, extent.end)
        if await self._backends.integrity.corrupt(self._blob(), [extent]):
            return None
        gaps = committed.missing(extent.start, extent.end)
        return await run_uncancelled(self._backends.workers.run(_sealed, self._blob(), gaps))

    async def whole(self) -> Sequence[Extent]:
        """Return the extents of a complete upload; other nodes may have merged several."""
        if self._backends.cluster.shared and len(self.extents.known or ()) != 1:
            self.extents.forget()
        return await self.extents.all()

    async def corrupt(self, *, after: int = 0) -> Sequence[Extent]:
        """Return the extents whose stored bytes are no longer what was committed.

        Args:
            after: Extents that end by this offset are known to be intact.

        Raises:
            StorageFailed: The storage reported an I/O error, or the blob is closed.
        """
        self.damaged = False
        extents = self.extents.known
        if extents is not None:
            rest = [extent for extent in extents if extent.end > after]
            if not await self.corrupt_among(rest):
                return ()
        return await self.corrupt_among(await self._backends.sessions.extents(self._session_id))

    async def corrupt_among(self, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Return those of the extents whose stored bytes are no longer what was committed.

        Raises:
            StorageFailed: The storage reported an I/O error, or the blob is closed.
        """
        here, elsewhere = by_place(extents)
        lost = await self._backends.uploads.lost(self._session_id, elsewhere) if elsewhere else ()
        return [*lost, *await self._backends.integrity.corrupt(self._blob(), here)]

    async def close(self, *, published: bool) -> None:
        """Close the blob; one that was published on the event loop, if it never waits."""
        blob = self._blob()
        close_published = getattr(blob, "close_published", None) if published else None
        if close_published is None:
            await self._backends.workers.run(blob.close)
        else:
            close_published()


def _sealed(blob: Blob, ranges: RangeSet) -> Sequence[Extent]:
    return [
        Extent(start, end, fingerprint_of(blob, start, end), blob.seal(start, end))
        for start, end in ranges
    ]
