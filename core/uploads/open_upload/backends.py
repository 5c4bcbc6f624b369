"""What open uploads work with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.ports.cluster import Alone, Cluster
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.ports.stores import HoldingStore, SessionStore, UploadStore
from pdfsluice.core.threads import Workers

from .integrity import IntegrityChecker


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Traffic:
    """How much this process has received since it started.

    Attributes:
        committed_bytes: How many bytes it has committed.
    """

    committed_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """The parts of the server that every open upload works with.

    Attributes:
        sessions: Where their rows are.
        uploads: Where their bytes are.
        policy: Decides what findings mean.
        workers: Threads for blocking calls.
        integrity: Reads stored bytes back.
        traffic: Counts what is committed.
        now: The clock (UTC).
        cluster: The other nodes.
        holding_store: The session store, if its commits can take holds.
    """

    sessions: SessionStore
    uploads: UploadStore
    policy: Policy
    workers: Workers
    integrity: IntegrityChecker
    traffic: Traffic = field(default_factory=Traffic)
    now: Callable[[], datetime] = _now
    cluster: Cluster = field(default_factory=Alone)
    holding_store: HoldingStore | None = None

    async def has_space(self, session: Session) -> bool:
        """Return whether there is space here for the copy that a holder needs."""
        has_space = getattr(self.uploads, "has_space", None)
        return has_space is None or await has_space(session.total_size or session.committed.size)
