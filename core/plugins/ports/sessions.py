"""The port of session stores: the state of each upload and its committed ranges."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypedDict, Unpack, runtime_checkable

from pdfsluice.core.models.findings import Decision, Finding, Unscanned
from pdfsluice.core.models.sessions import Extent, Session, SessionState
from pdfsluice.core.models.sessions import Protocol as UploadProtocol
from pdfsluice.core.models.upload_records import Measures

from .cluster import Cluster, NodeIdentity
from .opening import Opener


class SessionChanges(TypedDict, total=False):
    """The fields of a session that an update may change; see :class:`Session`."""

    owner: str
    client_id: str
    filename: str
    total_size: int | None
    chunk_size: int
    protocol: UploadProtocol
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    state: SessionState
    title: str
    expected_digest: str | None
    check_duplicates: bool
    auto_build_index: bool
    metadata: Mapping[str, str]
    findings: tuple[Finding, ...]
    unscanned: tuple[Unscanned, ...]
    facts: Mapping[str, Any]
    decision: Decision
    quarantined: bool
    released: bool
    partial: bool
    document_id: int | None
    duplicate: bool
    joined_into: str | None
    failure_code: str
    failure_message: str
    measures: Measures
    reserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a session stands after a commit, whatever other nodes have done.

    Attributes:
        version: The version of its row.
        extents: Its committed extents that end after an offset.
        held: Whether the commit has made this node the holder of the upload.
    """

    version: int
    extents: Sequence[Extent]
    held: bool = False


class SessionStore(Protocol):
    """A store of sessions. Methods are atomic; on return, changes survive a crash."""

    def joined(self, identity: NodeIdentity) -> AbstractAsyncContextManager[Cluster]:
        """Register this process as a live node for as long as the context is entered.

        Entering it returns how this node sees the others. A store that no other process can use
        returns :func:`pdfsluice.core.plugins.ports.cluster.alone`.

        Args:
            identity: How this process joins.

        Raises:
            PluginError: A live node keeps its bytes in another upload store. Both would see
                the same sessions, and each only its own bytes.
        """
        ...

    async def idle_from(self, now: datetime, max_gap: float) -> datetime:
        """Record that a server runs at ``now``; return since when idle time counts.

        Time that no server recorded does not count, so neither a server that was down nor a
        clock that jumped expires uploads.

        Args:
            now: The time of this server's clock (UTC).
            max_gap: A longer time in seconds since the last record is a gap; idle time
                then counts from ``now`` on.
        """
        ...

    async def create(self, session: Session, *, most_open: int | None = None) -> None:
        """Store a new session.

        Args:
            session: The session.
            most_open: How many open ones its owner may have, including this one; counted and
                stored in one step, so that simultaneous requests cannot exceed it.

        Raises:
            Conflict: There is one with this id.
            RateLimited: It would be one too many; see ``core.uploads.lifecycle.too_many_open``,
                which makes this error.
            QuotaExceeded: The store has quotas, and a limit of the session's account does not
                allow it; checked and counted in the same step.
        """
        ...

    async def get(self, session_id: str) -> Session:
        """Return a session.

        Raises:
            SessionNotFound: There is none.
        """
        ...

    async def commit(
        self, session_id: str, extent: Extent, now: datetime, *, frontier: int = 0
    ) -> Standing | None:
        """Add a committed extent; from here on the bytes exist.

        The check and the insertion are one atomic step: an extent is added only to a session
        that is open (``created`` or ``uploading``), and never overlaps another one, whichever
        node commits it. Committing an extent again that is there changes nothing.

        The session's ``committed`` grows by it, its ``updated_at`` becomes ``now``, and its
        ``version`` stays. Extents come in any order and at the same time.

        Args:
            session_id: The session.
            extent: What is committed.
            now: The time of this server's clock (UTC).
            frontier: Up to where the caller knows that all bytes are committed.

        Returns:
            How the session stands in the same step, with its extents that end after
            ``frontier``; ``None`` if no other node can have changed it.

        Raises:
            SessionNotFound: There is no such session.
            StateConflict: The session takes no more bytes.
            OffsetConflict: Other bytes were committed in this range.
        """
        ...

    async def extents(self, session_id: str) -> Sequence[Extent]:
        """Return the committed extents of a session, by start."""
        ...

    async def merge_extents(self, session_id: str, parts: Sequence[Extent], whole: Extent) -> bool:
        """Replace touching extents by one that covers the same bytes.

        Args:
            session_id: The session.
            parts: The extents, by start, each beginning where the one before it ends.
            whole: From the start of the first to the end of the last, with its fingerprint.

        Returns:
            Whether they were replaced; ``False`` if one of them is not there any more.
        """
        ...

    async def drop_extents(self, session_id: str, extents: Sequence[Extent]) -> None:
        """Delete extents whose stored bytes are no longer what was committed.

        One that was committed again since, with another fingerprint, stays.
        """
        ...

    async def update(self, session: Session, **changes: Unpack[SessionChanges]) -> Session:
        """Store changed fields, if the stored version is still ``session.version``.

        Args:
            session: The snapshot that the change is based on.
            changes: The new values.

        Returns:
            The snapshot with the changes and its new version. Its ``committed`` is that of
            the snapshot given, because commits do not wait for updates.

        Raises:
            StateConflict: Another request changed the session in between.
            SessionNotFound: There is no such session.
            TypeError: A field is not one of :class:`SessionChanges`.
        """
        ...

    async def find(
        self,
        *,
        states: Sequence[SessionState],
        owner: str | None = None,
        client_id: str | None = None,
        expired_before: datetime | None = None,
        quarantined: bool = False,
        after: Session | None = None,
        limit: int = 1000,
    ) -> Sequence[Session]:
        """Return sessions, newest first; of the same moment, by descending id.

        Args:
            states: In which states they are.
            owner: The owner; ``None`` for all owners.
            client_id: The client; ``None`` for all clients.
            expired_before: Only those whose ``expires_at`` is earlier.
            quarantined: Only those whose bytes are in quarantine.
            after: Only those that come after this one, which may be gone already.
            limit: How many to return at most.

        Ask for ``created`` and ``uploading`` together: the first committed byte makes one the
        other without an update.
        """
        ...

    async def count(self, states: Sequence[SessionState]) -> int:
        """Return how many sessions are in one of the states."""
        ...

    async def delete(self, session_id: str) -> None:
        """Delete a session, its extents and checkpoints; a missing one is no error."""
        ...

    async def save_checkpoints(
        self, session_id: str, checkpoints: dict[str, tuple[int, bytes]]
    ) -> None:
        """Replace all stage checkpoints: stage name to offset and state.

        Raises:
            SessionNotFound: There is no such session.
        """
        ...

    async def checkpoints(self, session_id: str) -> dict[str, tuple[int, bytes]]:
        """Return the stage checkpoints; none if there is no such session."""
        ...


@runtime_checkable
class HoldingStore(SessionStore, Protocol):
    """Further methods of a :class:`SessionStore` whose commits can take holds."""

    async def commit_and_hold(
        self, session_id: str, extent: Extent, now: datetime, *, frontier: int = 0
    ) -> Standing | None:
        """Commit an extent as :meth:`SessionStore.commit` does, and hold the upload.

        In the same step this node becomes the holder, unless there is one; see
        :meth:`pdfsluice.core.plugins.ports.cluster.Cluster.hold`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStoreSpec:
    """Descriptor of a session store.

    Attributes:
        open: Opens the store; called once, if the settings choose it.
    """

    name: str
    open: Opener[SessionStore]
