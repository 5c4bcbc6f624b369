"""Runtimes inside the test process: real stores, chosen plugins, no HTTP."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from pdfsluice import config
from pdfsluice.core.documents.jobs.turns import DEFAULT_LIMITS
from pdfsluice.core.models.findings import (
    Decision,
    Finding,
    Severity,
    StageReport,
)
from pdfsluice.core.models.sessions import Checksum, ChunkIntent, Session
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import PluginInfo
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.policy import PolicySpec
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStage, StreamStageSpec
from pdfsluice.core.runtime.runtime import LOCAL, Runtime, open_runtime
from pdfsluice.core.uploads.creating import Initiation
from pdfsluice.core.uploads.holding import DEFAULT_INTERVALS
from pdfsluice.core.uploads.limits.upload_limits import DEFAULT_UPLOAD_LIMITS
from pdfsluice.core.uploads.receiving import Part

IN_PROCESS: Mapping[str, Any] = {"index": "", "stage_processes": 0}
"""Settings for plugins that exist in the test process alone."""

_SINGLE = NodeIdentity()
STORES = ("local_store", "sql", "checksum", "digest")


@dataclass
class Bytes:
    """A request body that yields given bytes, and may break off or wait on the way."""

    data: bytes
    size: int = 50_000
    fails_after: int | None = None
    failure: Exception | None = None
    holds_after: int | None = None
    checksum: Checksum | None = None
    coded_bytes: int | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the bytes in parts of ``size``."""
        for start in range(0, len(self.data), self.size):
            if self.failure is not None and start >= (self.fails_after or 0):
                raise self.failure
            if self.holds_after is not None and start >= self.holds_after:
                self.held.set()
                await asyncio.Event().wait()
            yield [self.data[start : start + self.size]]
        if self.failure is not None:
            raise self.failure


class WordStage:
    """A stream stage that finds a word, also across slices, and can be continued."""

    def __init__(self, word: bytes, context: StageContext, feeds: list[tuple[int, int]]) -> None:
        self._word = word
        self._tail = context.checkpoint or b""
        self._feeds = feeds

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        """Look for the word."""
        self._feeds.append((offset, len(data)))
        text = self._tail + bytes(data)
        self._tail = text[-(len(self._word) - 1) :]
        at = text.find(self._word)
        if at < 0:
            return ()
        return [
            Finding(
                kind="word",
                severity=Severity.HIGH,
                stage="word",
                message="A forbidden word.",
                offset=offset + len(data) - len(text) + at,
            )
        ]

    def finish(self) -> StageReport:
        """Report what was fed."""
        return StageReport(facts={"fed": sum(size for _, size in self._feeds)})

    def checkpoint(self) -> bytes | None:
        """Return the end of what was seen, in which the word may have begun."""
        return self._tail

    def close(self) -> None:
        """Nothing is open."""


@dataclass(eq=False)
class Watchman:
    """A plugin with the word stage and a policy that decides about its findings."""

    word: bytes = b"FORBIDDEN"
    decision: Decision = Decision.REJECT
    keeps: bool = False
    feeds: list[tuple[int, int]] = field(default_factory=list)

    @hookimpl
    def pdfsluice_register_stream_stages(self, context: PluginContext) -> list[StreamStageSpec]:
        """Register the stage ``word``."""
        del context
        return [StreamStageSpec(name="word", open=self._open)]

    def _open(self, context: StageContext) -> StreamStage:
        return WordStage(self.word, context, self.feeds)

    @hookimpl
    def pdfsluice_register_policies(self, context: PluginContext) -> list[PolicySpec]:
        """Register the policy ``watchman``."""
        del context
        return [PolicySpec(name="watchman", policy=self)]

    def decide(self, finding: Finding, session: Session) -> Decision:
        """Decide about the forbidden word; all else is noted."""
        del session
        return self.decision if finding.kind == "word" else Decision.NOTE

    def keeps_rejected(self) -> bool:
        """Whether refused bytes go to quarantine."""
        return self.keeps


def manager_with(*plugins: object, built_in: Sequence[str] = STORES) -> PluginManager:
    """Return a manager with some built-in plugins and others."""
    manager = PluginManager()
    for name in built_in:
        module = import_module(f"pdfsluice.plugins.{name}")
        manager.register(module, PluginInfo(name, module.__name__, "pdfsluice", "1"))
    for number, plugin in enumerate(plugins):
        manager.register(plugin, PluginInfo(f"test-{number}", "tests", "tests", "1"))
    return manager


@asynccontextmanager
async def a_runtime(
    folder: Path,
    *plugins: object,
    watchman: Watchman | None = None,
    limits: Any = DEFAULT_LIMITS,
    intervals: Any = DEFAULT_INTERVALS,
    upload_limits: Any = DEFAULT_UPLOAD_LIMITS,
    node: Any = _SINGLE,
    **settings: Any,
) -> AsyncIterator[Runtime]:
    """Open a runtime whose stores are in ``folder``; opening it again is a restart."""
    manager = manager_with(watchman or Watchman(), *plugins)
    loaded = config.load(
        sections={spec.name: spec.model for _, spec in manager.options()},
        environment={},
        command_line={**IN_PROCESS, "data_dir": folder, "policy": "watchman", **settings},
    )
    async with open_runtime(
        loaded,
        manager,
        limits=limits,
        intervals=intervals,
        upload_limits=upload_limits,
        node=node,
    ) as runtime:
        yield runtime


Open = AbstractAsyncContextManager[Runtime]


async def initiate(runtime: Runtime, data: bytes, **changes: Any) -> Session:
    """Open an upload for the given bytes."""
    wanted: dict[str, Any] = {"filename": "test.pdf", "total_size": len(data)}
    return await runtime.uploads.initiate(LOCAL, Initiation(**(wanted | changes)))


async def send(
    runtime: Runtime, session: Session, data: bytes, chunk_id: int, body: Bytes | None = None
) -> Session:
    """Send one chunk of ``data``, or ``body`` in its place."""
    offset = chunk_id * session.chunk_size
    piece = data[offset : offset + session.chunk_size]
    intent = ChunkIntent(offset=offset, length=len(piece), max_length=len(piece), chunk_id=chunk_id)
    receipt = await runtime.uploads.receive(LOCAL, session.id, intent, body or Bytes(piece))
    return receipt.session


async def send_all(runtime: Runtime, session: Session, data: bytes) -> None:
    """Send all chunks, one after the other."""
    for chunk_id in range(session.total_chunks or 0):
        await send(runtime, session, data, chunk_id)
