"""The port of clusters: the nodes that work on the same sessions and bytes.

A session store gives a node its view of the cluster when it joins. Rows decide everything that
has to be right. Hints make it fast, and may be lost.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pdfsluice.core.models.sessions import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """How a process joins the nodes of a session store.

    Attributes:
        store: The identity of the upload store that holds its bytes.
        folder: The identity of the local folder that it uses alone, or with the other workers
            of one supervisor; empty if that is the upload store itself.
        exclusive: Whether no other process uses the folder: an earlier node with it is dead.
        shared: Whether other nodes will join that do the same work. A node that does not
            expect others notices them, too, and they wait until it has.
        name: Its id among the nodes, a UUID that is never used again; by default a new one.
        replaces: The id of a node that is known to be dead.
        number: The number of this process among the workers of one supervisor, from 0.
        role: What the process does: ``server``, or ``worker`` for one without HTTP.
        version: The version of its program.
    """

    store: str = ""
    folder: str = ""
    exclusive: bool = True
    shared: bool = False
    name: str = ""
    replaces: str = ""
    number: int = 0
    role: str = "server"
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveNode:
    """A live node, as its row describes it.

    Attributes:
        id: Its id, as :attr:`NodeIdentity.name`.
        role: What it does, as :attr:`NodeIdentity.role`.
        version: The version of its program.
        host: The name of its machine.
        store: The identity of the upload store that holds its bytes.
        started_at: When it joined, by the clock of the session store (UTC).
        seen_at: When its last heartbeat was stored, by the same clock.
        uploads: How many uploads it holds.
        jobs: How many background jobs it runs.
    """

    id: str
    role: str
    version: str
    host: str
    store: str
    started_at: datetime
    seen_at: datetime
    uploads: int = 0
    jobs: int = 0


class HintKind(StrEnum):
    """What a hint is about.

    Attributes:
        COMMITTED: The extent from ``start`` to ``end`` of an upload was committed; ``text`` is
            its fingerprint, a space and its place.
        CHANGED: The row of an upload changed; ``text`` is its state.
        STOP: A newer request wants the bytes from ``start`` to ``end`` of an upload.
        JOBS: Background jobs were queued; ``text`` names their kinds, with spaces between
            them, or is empty.
        STOP_JOB: A background job is to be stopped; ``start`` is its number.
        EVENT: An event happened; ``text`` is the event as JSON.
        WATCHED: Clients of the sending node are watching uploads.
        KEYS: API keys were added or changed.
        LIMITS: Limits of accounts or of rates were changed.
    """

    COMMITTED = "committed"
    CHANGED = "changed"
    STOP = "stop"
    JOBS = "jobs"
    STOP_JOB = "stop-job"
    EVENT = "event"
    WATCHED = "watched"
    KEYS = "keys"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class Hint:
    """A message to all other nodes; it may be lost, and arrives at most once.

    Attributes:
        kind: What it is about.
        session_id: The upload; empty if it is about none.
        start: A number; its meaning depends on the kind.
        end: Another one.
        text: Its meaning depends on the kind as well.
    """

    kind: HintKind
    session_id: str = ""
    start: int = 0
    end: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReview:
    """How an upload stands in the session store, compared with what a node remembers.

    Attributes:
        version: The version of its row.
        committed_bytes: How many bytes are committed.
        holder: The live node that holds it; empty if there is none.
        validated: How many bytes the stages of one of its holders have seen, the most that
            any has recorded.
        deaths: How many deaths of its holders count; see :attr:`Hold.deaths`.
    """

    version: int
    committed_bytes: int
    holder: str
    validated: int
    deaths: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Whether a node holds an upload.

    Attributes:
        mine: Whether this node is the holder.
        deaths: How many holders in a row have died while their stages read the file, none
            of which had got further than those before it. The file may be the reason.
        validated: How many bytes the stages of one of its holders have seen, the most that
            any has recorded.
    """

    mine: bool
    deaths: int = 0
    validated: int = field(default=0, compare=False)


class Cluster(Protocol):
    """The other nodes, as one node sees them."""

    @property
    def node(self) -> str:
        """The id of this node."""
        ...

    @property
    def sole_store(self) -> bool:
        """Whether no other upload store was ever used with these sessions.

        Only then are bytes gone that this store does not have.
        """
        ...

    @property
    def first(self) -> bool:
        """Whether no other node was live when this one joined."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other nodes may work on the same uploads.

        Until it is set, what this node remembers is the truth, and nothing is asked. It is
        never reset.
        """
        ...

    def on_shared(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """Register a callback for the first other node, awaited before that node works."""
        ...

    @property
    def cut_off(self) -> bool:
        """Whether no recent heartbeat of this node is stored.

        Other nodes will soon take over what it holds. Until one is stored again, the rows are out
        of reach.
        """
        ...

    def on_cut_off(self, stop: Callable[[], None]) -> None:
        """Register a callback for each time that this node is cut off."""
        ...

    async def hold(self, session_id: str) -> Hold:
        """Become the holder of an upload, unless another live node is.

        The holder shows the bytes to the stages and completes the upload. This saves double
        work; what makes results right are the versions of rows. The update that ends an upload
        releases its hold.
        """
        ...

    async def release(self, session_ids: Collection[str]) -> None:
        """Cease to hold uploads, now or as soon as the rows are in reach again."""
        ...

    async def begin_reading(self, session_id: str) -> None:
        """Record that the stages begin to read an upload whose holders have died.

        The first death counts always. After it, only deaths of holders that had recorded this
        count: those that died while they waited for bytes or a process are no evidence.
        """
        ...

    async def review(
        self, validated: Mapping[str, int], others: Collection[str]
    ) -> Mapping[str, UploadReview]:
        """Return how uploads stand; those that do not exist any more are left out.

        Args:
            validated: Uploads that this node holds, and how many bytes their stages have
                seen. The most that a holder of an upload has seen is recorded. The deaths of
                its holders are forgotten if this one gets further than all of them by a
                useful size, or is the first to see every committed byte, or sees all of them
                while the upload is open.
            others: Further uploads.
        """
        ...

    async def abandoned(self, states: Collection[SessionState], limit: int) -> Sequence[str]:
        """Return uploads in one of the states that no live node holds."""
        ...

    async def duty(self, name: str, seconds: float) -> bool:
        """Return whether this node does regular work for the next ``seconds``."""
        ...

    async def nodes(self) -> Sequence[LiveNode]:
        """Return the live nodes, this one included, the oldest first."""
        ...

    def notify(self, hint: Hint) -> None:
        """Send a hint to all other nodes, soon."""
        ...

    def subscribe(self, listener: Callable[[Hint], None]) -> None:
        """Register a listener for the hints of other nodes, called on the event loop."""
        ...


class Alone:
    """The cluster of a node that has no others; nothing is stored or asked."""

    node = ""
    sole_store = True
    first = True
    shared = False
    cut_off = False

    def on_shared(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """Do nothing: no other node appears."""

    def on_cut_off(self, stop: Callable[[], None]) -> None:
        """Do nothing: no other node takes over."""

    async def hold(self, session_id: str) -> Hold:  # noqa: ARG002
        """Hold every upload."""
        return Hold(mine=True)

    async def release(self, session_ids: Collection[str]) -> None:
        """Do nothing."""

    async def begin_reading(self, session_id: str) -> None:
        """Do nothing: no other node counts deaths."""

    async def review(
        self,
        validated: Mapping[str, int],  # noqa: ARG002
        others: Collection[str],  # noqa: ARG002
    ) -> Mapping[str, UploadReview]:
        """Report nothing: what the node remembers is the truth."""
        return {}

    async def abandoned(
        self,
        states: Collection[SessionState],  # noqa: ARG002
        limit: int,  # noqa: ARG002
    ) -> Sequence[str]:
        """Report none: every upload is this node's."""
        return ()

    async def duty(self, name: str, seconds: float) -> bool:  # noqa: ARG002
        """Do every duty."""
        return True

    async def nodes(self) -> Sequence[LiveNode]:
        """Report none: no session store keeps a list of nodes."""
        return ()

    def notify(self, hint: Hint) -> None:
        """Do nothing: there is no other node."""

    def subscribe(self, listener: Callable[[Hint], None]) -> None:
        """Do nothing: no hint comes."""


@asynccontextmanager
async def alone() -> AsyncIterator[Cluster]:
    """Join a session store that no other process can use."""
    yield Alone()
