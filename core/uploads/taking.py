"""Takes uploads that this node holds, and fails those that ended their holders."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from pdfsluice.core.errors import PdfsluiceError, StageFailed
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.cluster import Hold

from .lifecycle import OPEN
from .open_upload.backends import Backends
from .open_upload.upload import OpenUpload

logger = logging.getLogger(__name__)

_MAX_DEATHS = 3
"""Deaths of nodes that were scanning an upload, after which it is failed."""
_MAX_DEATHS_AFTER_SCAN = 6
"""The same if the stages of one of them have seen the whole file, and have not ended it."""


class Taking:
    """The taking of uploads to hold, and their return.

    Args:
        backends: What all uploads work with.
    """

    def __init__(self, backends: Backends) -> None:
        self._cluster = backends.cluster
        self._sessions = backends.sessions
        self._backends = backends

    async def hold(self, session: Session) -> Hold:
        """Hold an upload, unless another live node does, or its copy has no space here."""
        if self._cluster.shared and not await self._backends.has_space(session):
            logger.warning("upload %s is left to other nodes: no space is left", session.id)
            return Hold(mine=False)
        return await self._cluster.hold(session.id)

    @property
    def at_commit(self) -> bool:
        """Whether the first commit of an upload takes its hold."""
        return self._cluster.shared and self._backends.holding_store is not None

    def begins_before(self, upload: OpenUpload) -> bool:
        """Return whether an upload is to be held now, before its first bytes come."""
        return not (upload.holding or upload.session.committed or self.at_commit)

    def is_deadly(self, hold: Hold, session: Session) -> bool:
        """Return whether too many holders have died for stages to read the upload again."""
        size = session.total_size
        is_scanned = size is not None and 0 < size <= hold.validated
        return hold.mine and hold.deaths >= (_MAX_DEATHS_AFTER_SCAN if is_scanned else _MAX_DEATHS)

    async def take(self, upload: OpenUpload) -> bool:
        """Hold an open upload from now on if possible; return whether this node holds it."""
        if upload.holding:
            return True
        hold = await self.hold(upload.session)
        if self.is_deadly(hold, upload.session):
            await self.fail(upload, hold)
        elif hold.mine:
            upload.deaths = hold.deaths
            is_new = not upload.session.committed
            upload.hold({} if is_new else await self._sessions.checkpoints(upload.session.id))
        return upload.holding

    async def fail(self, upload: OpenUpload, hold: Hold) -> None:
        """Fail an upload whose holders died one after the other: it may be the reason.

        One that is being imported is held instead: no stage reads it any more.
        """
        error = StageFailed(
            f"{hold.deaths} servers ended while they checked the file, one after the other.",
            hint="The file may have been made to do that. Report it to the server's operator.",
        )

        async def end() -> None:
            if upload.session.state in {*OPEN, SessionState.VALIDATING}:
                logger.error("upload %s is failed: %s", upload.session.id, error.message)
                await upload.end(SessionState.FAILED, error)
            elif upload.session.state is SessionState.IMPORTING:
                upload.hold({})

        await upload.as_unit(end)

    async def release(self, session_ids: Sequence[str]) -> None:
        """Cease to hold uploads; if the rows are out of reach, as soon as they are not."""
        with suppress(PdfsluiceError):
            await self._cluster.release(session_ids)
