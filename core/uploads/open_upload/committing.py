"""Commits of an open upload: what makes received bytes exist."""

from collections.abc import Callable, Sequence
from datetime import datetime

from pdfsluice.core.errors import OffsetConflict, SizeExceeded, StateConflict
from pdfsluice.core.models.sessions import Extent, SessionState
from pdfsluice.core.plugins.ports.stores import Standing
from pdfsluice.core.uploads.lifecycle import refusal

from .backends import Backends
from .claims import Claim
from .state import UploadState
from .stored_bytes import StoredBytes


class Commits:
    """The commits of one upload, by this node and by others.

    Args:
        state: The snapshot, which grows by each committed range.
        backends: What all uploads work with.
        stored: The committed bytes, as the store keeps them.
        on_begun: Called after the first commit of the upload.
        on_held: Called when a commit has made this node the holder of the upload.

    Attributes:
        size_limit: The offset that no commit goes past; ``None`` while the size is unknown.
    """

    def __init__(
        self,
        state: UploadState,
        backends: Backends,
        stored: StoredBytes,
        *,
        on_begun: Callable[[], None],
        on_held: Callable[[], None],
    ) -> None:
        self.size_limit = state.session.total_size
        self._state = state
        self._backends = backends
        self._stored = stored
        self._on_begun, self._on_held = on_begun, on_held

    async def store(self, claim: Claim, extents: Sequence[Extent]) -> None:
        """Store ranges that a request has written. Not to be cancelled.

        Raises:
            SizeExceeded: The file has become shorter than the range meanwhile.
            OffsetConflict: Another node has committed other bytes there.
            PdfsluiceError: The upload has ended meanwhile.
        """
        if self.size_limit is not None and extents[-1].end > self.size_limit:
            raise SizeExceeded(
                f"the file has {self.size_limit} bytes, by a newer request",
                details={"file_size": self.size_limit, "offset": extents[-1].start},
            )
        for extent in extents:
            await self._store(extent)
        claim.pending = 0

    async def _store(self, extent: Extent) -> None:
        state, now = self._state, self._backends.now()
        try:
            standing = await self._commit(extent, now)
        except StateConflict as error:  # the upload has ended while the bytes came in
            await state.refresh()
            raise refusal(state.session) or error from None
        except OffsetConflict:
            await state.refresh()
            rest = await self._stored.rest_of(extent, state.session.committed)
            if rest is None:
                raise
            for part in rest:
                await self._store(part)
            return
        self._count(extent, now)
        if standing is not None:
            if standing.held:
                self._on_held()
            self.learn(standing.extents)
            if standing.version > state.session.version:
                await state.refresh()

    async def _commit(self, extent: Extent, now: datetime) -> Standing | None:
        """Commit an extent; the first of an upload makes this node its holder."""
        session, sessions = self._state.session, self._backends.sessions
        is_first = self._backends.cluster.shared and not session.committed
        store = self._backends.holding_store if is_first else None
        if store is not None and await self._backends.has_space(session):
            return await store.commit_and_hold(session.id, extent, now)
        return await sessions.commit(session.id, extent, now, frontier=session.committed.frontier)

    def _count(self, extent: Extent, now: datetime) -> None:
        begins = self._state.session.state is SessionState.CREATED
        size = self._state.session.committed.size
        self._stored.extents.add(extent)
        self._state.grow([extent], now)
        self._backends.traffic.committed_bytes += self._state.session.committed.size - size
        if begins:
            self._on_begun()

    def learn(self, extents: Sequence[Extent]) -> None:
        """Take in extents that other nodes may have committed."""
        self._stored.extents.learn(extents)
        self._state.grow(extents, self._backends.now())
