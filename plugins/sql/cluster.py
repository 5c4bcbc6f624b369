"""The cluster of the nodes that share an SQL database."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from pdfsluice.core import (
    Cluster,
    Hint,
    Hold,
    LiveNode,
    NodeIdentity,
    SessionState,
    UploadReview,
)

from .database import Database
from .hints import Channel, Hints
from .holds import Holds
from .nodes import HEARTBEAT_INTERVAL, Node


class SqlCluster:
    """This node's view of the others, by rows and hints.

    Nothing but the heartbeat is stored until another node appears. Then the channel of hints is
    opened.

    Args:
        database: The database.
        identity: How this process joins.
        channel: Carries hints.
        interval: Seconds between two heartbeats.
    """

    def __init__(
        self,
        database: Database,
        identity: NodeIdentity,
        channel: Channel,
        *,
        interval: float = HEARTBEAT_INTERVAL,
    ) -> None:
        self.node = database.node
        self._fence = database.fence
        self._node = Node(database, identity, interval=interval, on_shared=self._begin)
        self._holds = Holds(database)
        self._hints = Hints(channel, database.node, self._received)
        self._preparations: list[Callable[[], Awaitable[None]]] = []
        self._listeners: list[Callable[[Hint], None]] = []
        self._stack = AsyncExitStack()
        self._has_channel = False

    @asynccontextmanager
    async def joined(self) -> AsyncGenerator[Cluster]:
        """Be a live node until the context is left."""
        async with self._stack, self._node.running():
            yield self

    async def _begin(self) -> None:
        """Open the channel, and prepare what this node did alone; repeated if it fails."""
        if not self._has_channel:
            await self._stack.enter_async_context(self._hints.running())
            self._has_channel = True
        await asyncio.gather(*(prepare() for prepare in self._preparations))

    def _received(self, hint: Hint) -> None:
        for listener in self._listeners:
            listener(hint)

    @property
    def sole_store(self) -> bool:
        """Whether the database never knew another store of bytes."""
        return self._node.sole_store

    @property
    def first(self) -> bool:
        """Whether no other node was live when this one joined."""
        return self._node.first

    @property
    def shared(self) -> bool:
        """Whether other nodes may work on the same uploads."""
        return self._node.shared

    def on_shared(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """Register a callback for the first other node."""
        self._preparations.append(prepare)

    @property
    def cut_off(self) -> bool:
        """Whether no recent heartbeat of this node is stored."""
        return self.shared and self._fence.closed

    def on_cut_off(self, stop: Callable[[], None]) -> None:
        """Register a callback for each time that this node is cut off."""
        self._fence.on_closed(lambda: stop() if self.shared else None)

    async def hold(self, session_id: str) -> Hold:
        """Become the holder of an upload, unless another live node is."""
        return await self._holds.take(session_id) if self.shared else Hold(mine=True)

    async def release(self, session_ids: Collection[str]) -> None:
        """Cease to hold uploads."""
        if self.shared:
            await self._holds.release(session_ids)

    async def begin_reading(self, session_id: str) -> None:
        """Note that the stages of this node begin to read an upload."""
        if self.shared:
            await self._holds.begin_reading(session_id)

    async def review(
        self, validated: Mapping[str, int], others: Collection[str]
    ) -> Mapping[str, UploadReview]:
        """Return how uploads stand."""
        return await self._holds.review(validated, others)

    async def abandoned(self, states: Collection[SessionState], limit: int) -> Sequence[str]:
        """Return uploads in one of the states that no live node holds."""
        return await self._holds.abandoned(states, limit) if self.shared else ()

    async def duty(self, name: str, seconds: float) -> bool:
        """Return whether this node does regular work for the next ``seconds``."""
        return not self.shared or await self._holds.duty(name, seconds)

    async def nodes(self) -> Sequence[LiveNode]:
        """Return the live nodes, the oldest first."""
        return await self._node.live()

    def notify(self, hint: Hint) -> None:
        """Send a hint to all other nodes, soon."""
        if self.shared:
            self._hints.notify(hint)

    def subscribe(self, listener: Callable[[Hint], None]) -> None:
        """Register a listener for the hints of other nodes."""
        self._listeners.append(listener)
