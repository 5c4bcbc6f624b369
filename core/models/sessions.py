"""The domain model of uploads: principals, sessions and chunks, all frozen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from pdfsluice.core.errors import PermissionDenied

from .findings import Decision, Finding, Unscanned
from .ranges import RangeSet
from .upload_records import Measures


class Scope(StrEnum):
    """A permission; ``ADMIN`` includes the others, ``METRICS`` covers totals only."""

    READ = "read"
    UPLOAD = "upload"
    METRICS = "metrics"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The identity on whose behalf a request acts.

    Attributes:
        id: Stable identity; the owner of sessions and documents.
        name: A name for people and logs.
        scopes: What the principal may do.
        tenant: The customer or group it belongs to; empty for none.
        bandwidth: Bytes per second of its uploads together, and of its downloads; 0 for no limit,
            ``None`` for the limit of the settings.
        request_rate: Requests per second; 0 for no limit, ``None`` for that of the settings.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    tenant: str = ""
    bandwidth: int | None = None
    request_rate: float | None = None

    @property
    def account(self) -> str:
        """The account that its uploads and documents count for: the tenant, or itself."""
        return f"tenant:{self.tenant}" if self.tenant else self.id

    def may(self, scope: Scope) -> bool:
        """Return whether the principal has a scope, directly or as an administrator."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def require(self, scope: Scope) -> None:
        """Refuse a principal without a scope.

        Raises:
            PermissionDenied: The principal does not have it.
        """
        if not self.may(scope):
            raise PermissionDenied(
                f"the key {self.name!r} does not have the scope {scope.value}",
                hint="Use a key that has it, or one of an administrator.",
                details={"scopes": [scope.value]},
            )


class SessionState(StrEnum):
    """The state of a session; ``core/uploads/lifecycle.py`` has the transitions."""

    CREATED = "created"
    UPLOADING = "uploading"
    VALIDATING = "validating"
    IMPORTING = "importing"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


class Protocol(StrEnum):
    """The protocol over which a session was opened; it may be continued over another."""

    REST = "rest"
    TUS = "tus"
    IETF = "ietf"


@dataclass(frozen=True, slots=True)
class Extent:
    """A committed range of bytes, with a fingerprint that reveals later corruption.

    Attributes:
        start: Offset of the first byte.
        end: Offset after the last byte.
        fingerprint: XXH3-128 of the bytes, in hexadecimal.
        place: The upload store's own word for where the bytes are, as :meth:`Blob.seal` returned
            it; empty if they are in the blob itself.
    """

    start: int
    end: int
    fingerprint: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One resumable upload: a snapshot, replaced and never changed.

    Attributes:
        id: Unguessable identity (UUID 4); also names the bytes in the upload store.
        owner: ``Principal.id`` of the principal that opened it.
        account: The account that it counts for; empty for that of its owner alone.
        reserved: Bytes that count for the account until it ends: its size, or the end of
            what has come while that is unknown.
        client_id: What the client calls itself; chooses the WebSocket, grants nothing.
        software: Name and version of the program that opened it; empty if it gave none.
        encryption: How the client encrypted the file (``age``); no stage sees its content.
        filename: The client's name for the file, for display only.
        total_size: Size of the file in bytes; ``None`` while a tus client defers it.
        chunk_size: The chunk size that the server chose, in bytes.
        protocol: The protocol over which it was opened.
        created_at: When it was opened (UTC).
        updated_at: When it was last changed, commits included.
        expires_at: When it expires if nothing happens; after its end, when the sweeper next
            checks whether to delete its record.
        state: Its state; ``uploading`` from the first committed byte, without an update.
        title: The client's title for the document; empty if it gave none.
        committed: The ranges that are durable and acknowledged.
        expected_digest: SHA-256 announced by the client, in lower-case hexadecimal.
        check_duplicates: Whether a document with the same bytes takes the place of a new one.
        auto_build_index: Whether the document is indexed immediately.
        metadata: The client's description of the file, for display only.
        findings: What the stages found so far.
        unscanned: The parts that no stage could read.
        facts: Values from the stages (``sha256``, ``page_count``).
        decision: The policy's decision about the findings so far.
        quarantined: Whether the bytes of a refused upload were kept apart.
        released: Whether an administrator overruled the refusal.
        partial: Whether this is a part for a later concatenation: bytes only, no stages
            and no import (tus, concatenation extension).
        document_id: The document that it became, or that existed already.
        duplicate: Whether that document existed before this upload.
        joined_into: The upload that this part was joined into, or is being joined into.
        failure_code: The error code with which it ended; empty if it did not fail.
        failure_message: Why it ended, in a sentence.
        measures: What it has cost, as of its last change.
        replaces: The document of which this is a new version.
        lineage: The first version of that document.
        version: Grows with each stored change; guards against lost updates.
    """

    id: str
    owner: str
    client_id: str
    filename: str
    total_size: int | None
    chunk_size: int
    protocol: Protocol
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    state: SessionState = SessionState.CREATED
    title: str = ""
    committed: RangeSet = field(default_factory=RangeSet)
    expected_digest: str | None = None
    check_duplicates: bool = True
    auto_build_index: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unscanned: tuple[Unscanned, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    decision: Decision = Decision.NOTE
    quarantined: bool = False
    released: bool = False
    partial: bool = False
    document_id: int | None = None
    duplicate: bool = False
    joined_into: str | None = None
    failure_code: str = ""
    failure_message: str = ""
    measures: Measures = field(default_factory=Measures)
    software: str = ""
    encryption: str = ""
    account: str = ""
    reserved: int = 0
    replaces: int | None = None
    lineage: int | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if self.committed and self.state is SessionState.CREATED:
            object.__setattr__(self, "state", SessionState.UPLOADING)

    def changed(self, **changes: object) -> "Session":
        """Return the session with other values.

        It does what ``dataclasses.replace`` does in a third of the time, several times a file.
        """
        session = object.__new__(Session)
        for write, value in zip(_WRITERS.values(), _values_of(self), strict=True):
            write(session, value)
        for name, value in changes.items():
            _WRITERS[name](session, value)
        session.__post_init__()
        return session

    @property
    def total_chunks(self) -> int | None:
        """How many chunks the file has at the session's chunk size."""
        if self.total_size is None:
            return None
        return max(1, -(-self.total_size // self.chunk_size))

    @property
    def complete_chunks(self) -> int:
        """How many chunks are committed whole."""
        return sum(
            max(0, self._chunks_before(end) - -(-start // self.chunk_size))
            for start, end in self.committed
        )

    def _chunks_before(self, end: int) -> int:
        return -(-end // self.chunk_size) if end == self.total_size else end // self.chunk_size

    @property
    def missing_chunks(self) -> list[int]:
        """The chunks that are not committed whole; empty while the size is unknown."""
        if self.total_size is None:
            return []
        missing: list[int] = []
        for start, end in self.committed.missing(0, self.total_size):
            first = max(start // self.chunk_size, missing[-1] + 1 if missing else 0)
            missing.extend(range(first, -(-end // self.chunk_size)))
        return missing

    @property
    def next_chunk_id(self) -> int | None:
        """The lowest chunk that is not committed whole; ``None`` when all are."""
        if self.total_size is None:
            return self.committed.frontier // self.chunk_size
        frontier = self.committed.frontier
        return None if frontier >= self.total_size else frontier // self.chunk_size

    @property
    def room(self) -> str:
        """The WebSocket room to which this session's events are sent."""
        return f"upload_{self.id}"


_WRITERS: Mapping[str, Callable[[Session, object], None]] = {
    each.name: vars(Session)[each.name].__set__ for each in fields(Session)
}
_values_of = attrgetter(*_WRITERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkIntent:
    """What a client announces about a chunk before its first body byte.

    Attributes:
        offset: Where the body begins in the file; often, but not always, where a chunk does.
        length: Announced number of bytes of the body; ``None`` if it was not announced.
        max_length: The most bytes the body may have.
        chunk_id: The client's number for the chunk, if the protocol has one.
        checksum: Announced checksum of the chunk, if it is known before the body.
        checksum_follows: Whether one may follow, so that nothing is committed before the end.
        headers: Header fields, names in lower case; without credentials, cookies and long ones.
    """

    offset: int
    length: int | None
    max_length: int
    chunk_id: int | None = None
    checksum: "Checksum | None" = None
    checksum_follows: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The offset after the last byte of the body."""
        return self.offset + (self.max_length if self.length is None else self.length)


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum of a chunk.

    Attributes:
        algorithm: Name of a registered algorithm: ``sha256``, ``sha1``, ``md5``, ``crc32``, ...
        value: The raw bytes.
    """

    algorithm: str
    value: bytes
