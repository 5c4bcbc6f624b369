"""The port of stages that read a file in order.

It stands apart from the other stages, because a stage process needs no other port.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pdfsluice.core.models.findings import Explanation, Finding, StageReport

from .children import NO_ACCESS, ChildAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """What a stream stage is given when it opens.

    Attributes:
        session_id: The upload, for logs.
        filename: The client's name for the file, for display only.
        total_size: Size in bytes; ``None`` while unknown.
        checkpoint: What ``checkpoint`` returned earlier, if the stage continues from there.
        offset: The offset of the first ``feed``; 0 without a checkpoint.
    """

    session_id: str
    filename: str
    total_size: int | None
    checkpoint: bytes | None = None
    offset: int = 0


class StreamStage(Protocol):
    """A stage that reads one file in order, from first to last byte, as committed.

    All methods run in threads of a stage process, one at a time; a few uploads share a
    process. Blocking is allowed. If the process dies, a new object sees the file again from
    its start, or from the latest checkpoint that was stored.
    Raising a :class:`~pdfsluice.core.errors.PdfsluiceError` fails the upload with that
    error; any other exception fails it as :class:`~pdfsluice.core.errors.StageFailed`.
    """

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        """Read the next bytes; ``data`` is reused afterwards.

        Args:
            offset: Where ``data`` begins in the file: the end of the bytes fed before.

        Returns:
            The findings since the last call. The policy judges them immediately. A finding
            that depends on the whole file belongs in the report of :meth:`finish`.
        """
        ...

    def finish(self) -> StageReport:
        """Return the report about the whole file. Called once, after the last byte."""
        ...

    def checkpoint(self) -> bytes | None:
        """Return the state from which a new object could continue, or ``None``.

        Called between two calls of :meth:`feed` every few seconds (settings
        ``checkpoint_interval`` and ``checkpoint_bytes``), and before :meth:`close` if the file
        has not been read to its end. ``None`` means that the stage will read the file from
        its start after a restart.
        """
        ...

    def close(self) -> None:
        """Release everything. Called exactly once, whether or not the stage finished."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStageSpec:
    """Descriptor of a stream stage.

    Attributes:
        open: Makes the object that reads one upload; called in a stage process.
        explanations: What the kinds that it reports mean, for ``pdfsluice scan --explain``.
        access: What the stage needs in its process in addition to the uploads. All stages run
            in the same processes.
    """

    name: str
    open: Callable[[StageContext], StreamStage]
    explanations: Mapping[str, Explanation] = field(default_factory=dict)
    access: ChildAccess = NO_ACCESS
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
