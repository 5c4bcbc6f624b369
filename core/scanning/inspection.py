"""Inspects existing files, with the stages and the policy of uploads."""

import asyncio
import errno
import math
import os
import stat
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.findings import (
    Decision,
    Finding,
    StageReport,
    Unscanned,
)
from pdfsluice.core.models.sessions import Protocol, Session, SessionState
from pdfsluice.core.plugins.loop_clock import LoopClock
from pdfsluice.core.plugins.loop_guarding import guard
from pdfsluice.core.plugins.opening import open_parts
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.ports.stages import CompletionContext, CompletionStageSpec
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStage, StreamStageSpec
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.plugins.thread_boundary import PartFailed

from .merging import merge_reports
from .needed import is_needed

INSPECTING_KINDS = frozenset({"stream_stages", "completion_stages", "policies"})
"""The kinds of parts that an inspection needs."""

Advance = Callable[[int], None]
"""Called in a worker thread with the number of bytes seen since the last call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is known of one file after all stages have seen it.

    Attributes:
        path: The file.
        size: Its bytes.
        seconds: How long it took.
        decision: What the policy makes of it; ``None`` if the file could not be inspected.
        findings: What the stages found.
        unscanned: What no stage could read.
        facts: What the stages state about the file, such as its digest.
        error: Why it could not be inspected, or empty.
    """

    path: Path
    size: int = 0
    seconds: float = 0.0
    decision: Decision | None = None
    findings: tuple[Finding, ...] = ()
    unscanned: tuple[Unscanned, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


class Inspector:
    """An inspector of files; a context manager, because stages may hold processes.

    Args:
        registry: Where the stages come from.
        policy: What judges the findings.
        chunk_size: Bytes that stream stages are fed at a time.
        whole_files: Whether completion stages see the files, too.
    """

    def __init__(
        self, registry: Registry, policy: Policy, *, chunk_size: int, whole_files: bool = True
    ) -> None:
        clock = LoopClock(limit_seconds=math.inf)  # a command has no requests that wait
        guarded, _ = guard(registry, clock=clock, log_failures=False)
        self._stream_stages = guarded.stream_stages
        self._parts = open_parts(guarded, kinds={"completion_stages"} if whole_files else ())
        self._completion_stages: Sequence[CompletionStageSpec] = ()
        self._whole_files = whole_files
        pairs = zip(registry.policies, guarded.policies, strict=True)
        self._policy = next((g.policy for spec, g in pairs if spec.policy is policy), policy)
        self._chunk_size = chunk_size

    async def __aenter__(self) -> Self:
        registry = await self._parts.__aenter__()
        if self._whole_files:
            self._completion_stages = registry.completion_stages
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.__aexit__(None, None, None)

    async def inspect(self, path: Path, advance: Advance = lambda _: None) -> Inspection:
        """Inspect one file; what goes wrong with it is part of the answer."""
        started = time.perf_counter()
        size = 0
        try:
            size = await asyncio.to_thread(_size_of, path)
            resolved = await asyncio.to_thread(path.resolve)  # a child has another /dev/stdin
            session = _session(path, size)
            reports = await asyncio.to_thread(self._stream, path, session, advance)
            report = merge_reports(reports)
            for spec in self._completion_stages:
                if not is_needed(spec, lambda example: self._policy.decide(example, session)):
                    continue
                context = CompletionContext(session=_with(session, report), path=resolved)
                report = merge_reports([report, await spec.stage.inspect(context)])
            decision = self._judge(report.findings, session)
        except OSError as error:
            return _failed(path, size, started, error.strerror or str(error))
        except PartFailed as error:  # here, the reader of the message is the operator
            cause = error.__cause__
            reason = f"{error.message} {type(cause).__name__}: {cause}"
            return _failed(path, size, started, reason)
        except PdfsluiceError as error:
            return _failed(path, size, started, error.message)
        except Exception as error:  # noqa: BLE001 - one file's trouble is not that of the others
            return _failed(path, size, started, f"{type(error).__name__}: {error}")
        return Inspection(
            path=path,
            size=size,
            seconds=time.perf_counter() - started,
            decision=decision,
            findings=report.findings,
            unscanned=report.unscanned,
            facts=report.facts,
        )

    def _stream(self, path: Path, session: Session, advance: Advance) -> list[StageReport]:
        """Feed all stream stages with the file, slice by slice."""
        with open(path, "rb", buffering=0, opener=_regular) as file, ExitStack() as stack:
            stages = [_opened(spec, session, stack) for spec in self._stream_stages]
            findings: list[Finding] = []
            buffer = memoryview(bytearray(self._chunk_size))
            offset = 0
            while size := file.readinto(buffer):
                for stage in stages:
                    findings.extend(stage.feed(buffer[:size], offset))
                offset += size
                advance(size)
            return [StageReport(findings=tuple(findings)), *(stage.finish() for stage in stages)]

    def _judge(self, findings: Iterable[Finding], session: Session) -> Decision:
        decisions = (self._policy.decide(finding, session) for finding in findings)
        return max(decisions, default=Decision.NOTE)


def _size_of(path: Path) -> int:
    return path.stat().st_size


def _regular(path: str, flags: int) -> int:
    """Open a regular file without waiting for a writer; refuse all others.

    Raises:
        OSError: It cannot be opened, or is a pipe or a device.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file")
    return descriptor


def _opened(spec: StreamStageSpec, session: Session, stack: ExitStack) -> StreamStage:
    context = StageContext(
        session_id=session.id, filename=session.filename, total_size=session.total_size
    )
    stage = spec.open(context)
    stack.callback(stage.close)
    return stage


def _session(path: Path, size: int) -> Session:
    """Return what stages and policies know of an upload, for a file that is none."""
    now = datetime.now(UTC)
    return Session(
        id=str(uuid.uuid4()),
        owner="local",
        client_id="inspection",
        filename=path.name,
        total_size=size,
        chunk_size=max(1, size),
        protocol=Protocol.REST,
        created_at=now,
        updated_at=now,
        expires_at=now,
        state=SessionState.VALIDATING,
    )


def _with(session: Session, report: StageReport) -> Session:
    return replace(
        session, findings=report.findings, unscanned=report.unscanned, facts=report.facts
    )


def _failed(path: Path, size: int, started: float, reason: str) -> Inspection:
    return Inspection(path=path, size=size, seconds=time.perf_counter() - started, error=reason)
