"""Merging of small extents, so that tiny pieces do not fill the database.

Each commit adds a row with a fingerprint of its bytes. The rows of pieces that touch are replaced
by one: the bytes are read back, each piece is compared with its own fingerprint, and the whole gets
a new one. So a merged extent is verified exactly like any other. (A fingerprint computed from
those of the pieces would need their borders to be checked, which are what is to be forgotten.)
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

import xxhash

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.stores import Blob, SessionStore
from pdfsluice.core.threads import run_uncancelled

logger = logging.getLogger(__name__)

SMALL_BYTES = 64 * 1024
"""Extents below this size are merged; the smallest chunk size that a session can have."""
MAX_MERGED_BYTES = 256 * 1024
_BATCH = 64
"""Small commits after which the extents of an upload are merged."""
_MAX_KNOWN = 10_000
"""Extents of an upload that are remembered; of more, those that the stages read next."""
_EVERYWHERE = range(sys.maxsize)
_NOWHERE = range(0)


class CommittedExtents:
    """The committed extents of one upload; small ones are merged regularly.

    With the defaults an upload has at most two rows for each 64 KiB of its size, one for each gap
    between its committed ranges, and ``_BATCH`` more.

    Args:
        session_id: The upload.
        sessions: Where its extents are.
        blob: Returns its bytes, open for reading.
        extents: The extents so far, if they are known without asking the session store.
        max_known: How many extents are remembered.
    """

    def __init__(
        self,
        session_id: str,
        sessions: SessionStore,
        blob: Callable[[], Blob],
        extents: Sequence[Extent] | None = None,
        *,
        max_known: int = _MAX_KNOWN,
    ) -> None:
        self._session_id = session_id
        self._sessions = sessions
        self._blob = blob
        self._max_known = max_known
        self._extents: dict[Extent, None] = {}
        self._scope = _NOWHERE  # the offsets of which all extents are remembered
        self._placed = True  # whether any extent may have a place of its own
        if extents is not None:
            self._remember(extents, 0)
        self._small = 0
        self._merging = False

    @property
    def known(self) -> Sequence[Extent] | None:
        """All extents, if they are known without asking the session store."""
        return list(self._extents) if self._scope == _EVERYWHERE else None

    @property
    def remembered(self) -> AbstractSet[Extent]:
        """The extents that are remembered now, and those that are committed here next."""
        return self._extents.keys()

    async def all(self) -> Sequence[Extent]:
        """Return all extents; the session store is asked only if they are not known."""
        extents = self.known
        return await self._read(0) if extents is None else extents

    async def elsewhere(self, start: int, end: int) -> Sequence[Extent]:
        """Return the extents in a range that have a place of their own."""
        if not self._placed:
            return ()
        extents: Iterable[Extent] = self._extents
        if start not in self._scope or end > self._scope.stop:
            extents = await self._read(start)
        return [e for e in extents if e.place and e.start < end and start < e.end]

    async def _read(self, start: int) -> Sequence[Extent]:
        """Return all extents from the session store; remember those from an offset on."""
        meanwhile = self._extents
        extents = await self._sessions.extents(self._session_id)
        if meanwhile is self._extents:
            self._remember([*extents, *meanwhile], start)
        return extents

    def _remember(self, extents: Sequence[Extent], start: int) -> None:
        """Remember extents, or of too many some that follow an offset."""
        self._placed = any(extent.place for extent in extents)
        self._scope = _EVERYWHERE
        self._extents = dict.fromkeys(extents)
        if len(self._extents) > self._max_known:
            following = sorted((e for e in self._extents if e.end > start), key=lambda e: e.start)
            nearest = following[: self._max_known // 2]  # others are committed soon
            end = nearest[-1].end if len(nearest) < len(following) else _EVERYWHERE.stop
            self._scope = range(start, end)
            self._extents = dict.fromkeys(nearest)

    def forget(self) -> None:
        """Drop what is remembered: the session store knows better."""
        self._extents = {}
        self._scope = _NOWHERE
        self._placed = True

    def add(self, extent: Extent) -> None:
        """Count an extent that was committed here."""
        self._small += _size(extent) < SMALL_BYTES
        self.learn([extent])

    def learn(self, extents: Sequence[Extent]) -> None:
        """Add extents that were committed, perhaps by other nodes."""
        self._placed = self._placed or any(extent.place for extent in extents)
        self._extents.update(dict.fromkeys(extents))
        if len(self._extents) > self._max_known:
            placed = self._placed
            self.forget()
            self._placed = placed

    async def merge(self) -> None:
        """Merge the small extents if many were committed.

        A failure is logged and no more: every byte is committed already.
        """
        if self._small < _BATCH or self._merging:
            return
        self._small, self._merging = 0, True
        try:
            await run_uncancelled(self._merge())
            self.forget()
        except PdfsluiceError as error:
            logger.warning("extents of %s were not merged: %s", self._session_id, error.message)
        finally:
            self._merging = False

    async def _merge(self) -> None:
        for parts in mergeable(await self._sessions.extents(self._session_id)):
            whole = await asyncio.to_thread(_joined, self._blob(), parts)
            if whole is None:
                continue  # damaged; it is found and dropped when the upload is resumed
            await self._sessions.merge_extents(self._session_id, parts, whole)


def by_place(extents: Sequence[Extent]) -> tuple[list[Extent], list[Extent]]:
    """Split extents into those in the blob itself and those with a place of their own."""
    here = [extent for extent in extents if not extent.place]
    return here, [extent for extent in extents if extent.place]


def mergeable(extents: Sequence[Extent]) -> list[list[Extent]]:
    """Return the groups of touching small extents that become one each.

    Args:
        extents: The committed extents, ordered by their start.
    """
    groups: list[list[Extent]] = []
    for extent in extents:
        group = groups[-1] if groups else []
        touches = bool(group) and group[-1].end == extent.start
        fits = touches and extent.end - group[0].start <= MAX_MERGED_BYTES
        if _size(extent) < SMALL_BYTES and fits:
            group.append(extent)
        elif _size(extent) < SMALL_BYTES:
            groups.append([extent])
    return [group for group in groups if len(group) > 1]


def _joined(blob: Blob, parts: Sequence[Extent]) -> Extent | None:
    """Return one extent for all parts; ``None`` if one is damaged.

    If a part has a place of its own, the bytes of all are sealed again in one place.
    """
    whole = xxhash.xxh3_128()
    placed = any(part.place for part in parts)
    buffer = memoryview(bytearray(SMALL_BYTES))
    for part in parts:
        view = buffer[: _size(part)]
        size = blob.read_into(part.start, view)
        if size < len(view) or xxhash.xxh3_128_hexdigest(view) != part.fingerprint:
            return None
        whole.update(view)
        if placed:
            blob.write(part.start, view)
    start, end = parts[0].start, parts[-1].end
    place = blob.seal(start, end) if placed else ""
    return Extent(start, end, whole.hexdigest(), place)


def _size(extent: Extent) -> int:
    return extent.end - extent.start
