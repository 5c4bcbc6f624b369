"""Reads the bytes of one upload and shows them to its stream stages, in order.

Blocking; used by one thread at a time, of the server or of a stage process.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from pdfsluice.core.errors import PdfsluiceError, StageFailed, StorageFailed
from pdfsluice.core.models.findings import Finding, StageReport
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStage, StreamStageSpec
from pdfsluice.core.shortages import is_shortage, retry_later

logger = logging.getLogger(__name__)

Checkpoints = Mapping[str, tuple[int, bytes]]
"""The state of stages: name to offset and state."""

SLICE_SIZE = 512 * 1024
"""Bytes that the stages see at a time: few enough to stay in the processor's cache."""

DEFAULT_TURN_SECONDS = 0.1


class Readable(Protocol):
    """What has readable bytes at offsets, such as a blob."""

    def read_into(self, offset: int, buffer: memoryview, /) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes were there."""
        ...


class StageReader:
    """The stream stages of one upload, opened when there is something to see.

    Args:
        source: The bytes.
        specs: The stages, in order.
        checkpoints: Where stages continue; those without one begin at the start.
        turn_seconds: Time after which a read returns, so that progress is reported.
        clock: Returns a time in seconds that never goes back.
    """

    def __init__(
        self,
        source: Readable,
        specs: Sequence[StreamStageSpec],
        checkpoints: Checkpoints,
        *,
        turn_seconds: float = DEFAULT_TURN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turn_seconds = turn_seconds
        self._clock = clock
        self._source = source
        self._views = [_View(spec, *checkpoints.get(spec.name, (0, None))) for spec in specs]
        self._end = 0
        self._unreported = False

    @property
    def position(self) -> int:
        """The offset up to which every stage has seen the file."""
        return min((view.position for view in self._views), default=self._end)

    @property
    def in_use(self) -> bool:
        """Whether there is a stage to be closed."""
        return any(view.stage is not None for view in self._views)

    def read_on(self, context: StageContext, end: int, buffer: memoryview) -> Sequence[Finding]:
        """Feed the stages up to ``end``, until one reports a finding or time is up.

        All stages see a slice in one thread while it is in the processor's cache.

        Raises:
            StageFailed: A stage failed.
            PdfsluiceError: What a stage raised.
            StorageFailed: The bytes cannot be read.
        """
        stages = [(view, view.open(context)) for view in self._views]
        self._end = end
        position = self.position
        last = self._clock() + self._turn_seconds
        while position < end and self._clock() < last:
            data = self._read(position, buffer[: min(len(buffer), end - position)])
            self._unreported = True
            findings = [
                finding
                for view, stage in stages
                if view.position < position + len(data)
                # A stage that continued from a checkpoint may be ahead of the others.
                for finding in view.feed(stage, data[view.position - position :])
            ]
            position += len(data)
            if findings:
                return findings
            self._unreported = False
        return ()

    def _read(self, position: int, buffer: memoryview) -> memoryview:
        read = self._source.read_into(position, buffer)
        if read < len(buffer):
            raise StorageFailed(
                f"committed bytes are gone: {read} of {len(buffer)} bytes at offset {position}",
                hint="Resume the upload; the missing bytes will be asked for again.",
            )
        return buffer

    def finish(self, context: StageContext) -> Sequence[StageReport]:
        """Return the report of every stage, and close them all: they have seen everything.

        Raises:
            StageFailed: A stage failed.
            PdfsluiceError: What a stage raised.
        """
        self._unreported = True
        reports = [view.finish(context) for view in self._views]
        for view in self._views:
            view.close()
        return reports

    def checkpoints(self) -> Checkpoints:
        """Return the checkpoints of the stages, which stay open.

        The caller has received all findings up to here.
        """
        self._unreported = False
        states = [(view, view.checkpoint()) for view in self._views]
        return {view.spec.name: (view.position, state) for view, state in states if state}

    def close(self) -> Checkpoints:
        """Close the stages; return the checkpoints from which they can continue.

        There are none if findings may not have been received: the caller may have left, or
        another stage may have failed over the same bytes.
        """
        states = [(view, view.close()) for view in self._views]
        return {
            view.spec.name: (view.position, state)
            for view, state in states
            if state is not None and not self._unreported
        }


@dataclass(slots=True)
class _View:
    """A stage and the offset up to which it has seen the file.

    Attributes:
        state: The checkpoint from which it continues, if there is one.
        stage: Opened when there is something to see, closed when it has seen all.
    """

    spec: StreamStageSpec
    position: int = 0
    state: bytes | None = None
    stage: StreamStage | None = None

    def open(self, context: StageContext) -> StreamStage:
        if self.stage is None:
            with _naming(self.spec.name):
                self.stage = self.spec.open(
                    replace(context, checkpoint=self.state, offset=self.position)
                )
            self.state = None
        return self.stage

    def feed(self, stage: StreamStage, data: memoryview) -> Sequence[Finding]:
        with _naming(self.spec.name):
            findings = stage.feed(data, self.position)
        self.position += len(data)
        return findings

    def finish(self, context: StageContext) -> StageReport:
        stage = self.open(context)
        with _naming(self.spec.name):
            return stage.finish()

    def checkpoint(self) -> bytes | None:
        """Return the stage's checkpoint, if it has one; its failure costs only that."""
        if self.stage is None:
            return self.state
        try:
            return self.stage.checkpoint()
        except Exception:
            logger.exception("stage %r failed to give a checkpoint", self.spec.name)
            return None

    def close(self) -> bytes | None:
        """Close the stage, if it is open; return its checkpoint, if it has one."""
        stage, self.stage = self.stage, None
        if stage is None:
            return self.state
        try:
            state = stage.checkpoint()
            stage.close()
        except Exception:
            logger.exception("stage %r failed on closing", self.spec.name)
            return None
        return state


@contextmanager
def _naming(stage: str) -> Iterator[None]:
    """Convert an exception of a plugin into an error that names its stage."""
    try:
        yield
    except PdfsluiceError:
        raise
    except Exception as error:
        logger.exception("stage %r failed", stage)
        if is_shortage(error):
            raise retry_later(error, f"run the stage {stage!r}") from error
        raise StageFailed(
            f"The stage {stage!r} failed ({type(error).__name__}).",
            hint="This is a defect of the plugin, not of the file. Report it to the operator.",
            details={"stage": stage},
        ) from error
