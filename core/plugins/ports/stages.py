"""The ports on the way of the bytes: gates, chunk and completion stages.

A plugin registers descriptors (``GateSpec`` and so on); the objects in them do the work.
Names are unique within a kind; ``before`` and ``after`` order them.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pdfsluice.core.models.findings import Explanation, Finding, StageReport
from pdfsluice.core.models.sessions import Checksum, ChunkIntent, Session

from .opening import UNOPENED, Opener

ReadinessCheck = Callable[[], Awaitable[str]]
"""Returns why a part cannot work at present, in some words; empty if it can.

Called on the event loop by each readiness check, which may come every second. A part that
takes longer than a few seconds to answer counts as not ready.
"""


class Pacer(Protocol):
    """The pace at which the body of one admitted chunk is read."""

    async def take(self, count: int) -> None:
        """Return when the server may continue after ``count`` more bytes of the body.

        Called after each part of the body (at most a chunk of the session, and 1 MiB or so),
        on the event loop and without a time limit. Nothing more is read meanwhile, so the
        connection slows the client down. The time is not counted as the client's slowness.

        Raises:
            PdfsluiceError: The rest of the chunk is refused; what was committed stays.
        """
        ...


class Gate(Protocol):
    """The admission of chunks (backpressure, quota, rate)."""

    def admit(
        self, session: Session, chunk: ChunkIntent
    ) -> AbstractAsyncContextManager[Pacer | None]:
        """Return a context that is entered before the first body byte is read.

        It yields what paces the body, or nothing for a body without a limit. It is left when
        the chunk is committed or given up. Runs on the event loop.

        Raises:
            RateLimited: The caller is over a limit of its own.
            Overloaded: The server is over a limit.
            StorageFull: There is no space for the chunk.
        """
        ...


class ChunkCheck(Protocol):
    """A check of the bytes of one chunk; used by one thread at a time.

    A chunk here is the body of one request: a chunk of the session, a piece of one, or (over
    tus and the IETF protocol) any number of them.
    """

    def update(self, data: memoryview) -> None:
        """Check the next bytes, in a worker thread; ``data`` is reused afterwards.

        Raises:
            PdfsluiceError: The chunk is refused; nothing more of it is committed.
        """
        ...

    def finish(self, checksum: Checksum | None) -> None:
        """Judge the whole chunk before it is committed.

        If a checksum is announced, nothing is committed before this call returns. Without one,
        the bytes of a body that breaks off are committed without this call, and a body longer
        than the session's ``chunk_size`` is committed as it arrives. A check that has to see
        every byte of a file is a stream stage.

        Args:
            checksum: What the client announced, before or after the body.

        Raises:
            ChecksumMismatch: The bytes do not have the announced checksum.
            PdfsluiceError: The chunk is refused for another reason.
        """
        ...


class ChunkStage(Protocol):
    """A stage for single chunks, in any order and concurrently."""

    def begin(self, session: Session, chunk: ChunkIntent) -> ChunkCheck | None:
        """Return a check for one chunk, or ``None`` if this chunk needs none.

        Runs on the event loop. If ``chunk.checksum_follows``, a stage that returned ``None`` is
        called again when a checksum came after the body; its check then sees the stored bytes.

        Raises:
            PdfsluiceError: The chunk is refused before its body is read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionContext:
    """What a completion stage is given.

    Attributes:
        session: The session, with the findings of all stages before this one.
        path: The whole file; to be read only.
    """

    session: Session
    path: Path


class CompletionStage(Protocol):
    """A stage for the whole file, after all bytes are committed, before the import."""

    async def inspect(self, context: CompletionContext) -> StageReport:
        """Return the report. A crash of a child process is a finding, not an error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSpec:
    """Descriptor of a gate.

    Attributes:
        gate: The gate; called for every chunk of every upload.
        obstacle: Returns why the gate admits no chunk at all, however long it waits.
        open: Opens the gate when the program starts and closes it when the program ends;
            given in place of ``gate`` if the gate holds processes or connections.
    """

    name: str
    gate: Gate = UNOPENED
    open: Opener[Gate] | None = None
    obstacle: ReadinessCheck | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStageSpec:
    """Descriptor of a chunk stage.

    Attributes:
        stage: The stage; called for every chunk of every upload.
        open: Opens the stage when the program starts and closes it when the program ends;
            given in place of ``stage`` if the stage holds processes or connections.
    """

    name: str
    stage: ChunkStage = UNOPENED
    open: Opener[ChunkStage] | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionStageSpec:
    """Descriptor of a completion stage.

    Attributes:
        stage: The stage; called for every upload whose bytes are all committed.
        obstacle: Returns why the stage can inspect no upload at present.
        explanations: What the kinds that it reports mean, for ``pdfsluice scan --explain``.
        only_if_refused: Examples of its findings, for a stage that takes long. If there are
            any, it is called only if the policy refuses one of them.
        open: Opens the stage when the program starts and closes it when the program ends;
            given in place of ``stage`` if the stage holds processes or connections.
    """

    name: str
    stage: CompletionStage = UNOPENED
    open: Opener[CompletionStage] | None = None
    explanations: Mapping[str, Explanation] = field(default_factory=dict)
    only_if_refused: tuple[Finding, ...] = ()
    obstacle: ReadinessCheck | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
