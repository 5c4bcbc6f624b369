"""The process that reads text starts while the file of its document is checked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from pdfsluice.core import (
    CompletionContext,
    CompletionStageSpec,
    PageText,
    PluginContext,
    StageReport,
    TextExtractorSpec,
    hookimpl,
)
from pdfsluice.core.documents.jobs.turns import TurnLimits
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.runtimes import a_runtime, initiate, send_all

DATA = b"%PDF-1.7 a short file"


class Reader:
    """A plugin that checks a file until its extractor is asked to warm up."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.warm = asyncio.Event()
        self.calls = 0
        self._failure = failure

    async def warm_up(self) -> None:
        self.calls += 1
        self.warm.set()
        if self._failure is not None:
            raise self._failure

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        yield PageText(first, path.name)

    async def inspect(self, context: CompletionContext) -> StageReport:
        del context
        async with asyncio.timeout(30):
            await self.warm.wait()
        return StageReport()

    @hookimpl
    def pdfsluice_register_text_extractors(
        self, context: PluginContext
    ) -> Sequence[TextExtractorSpec]:
        del context
        return [TextExtractorSpec(name="reader", extractor=self)]

    @hookimpl
    def pdfsluice_register_completion_stages(
        self, context: PluginContext
    ) -> Sequence[CompletionStageSpec]:
        del context
        return [CompletionStageSpec(name="check", stage=self)]


class SlowReader(Reader):
    """Its process starts slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.has_started = asyncio.Event()
        self.starts = 0

    async def warm_up(self) -> None:
        await super().warm_up()
        await self.has_started.wait()
        self.starts += 1


async def complete(runtime: Runtime) -> None:
    session = await initiate(runtime, DATA)
    await send_all(runtime, session, DATA)
    await runtime.uploads.complete(LOCAL, session.id)


async def test_it_starts_before_the_file_is_checked(tmp_path: Path) -> None:
    reader = Reader()
    async with a_runtime(tmp_path, reader) as runtime:
        await complete(runtime)
        await complete(runtime)
    assert reader.calls == 1, "the process that was started lives longer than a moment"


async def test_one_that_starts_slowly_is_awaited_at_the_end(tmp_path: Path) -> None:
    reader = SlowReader()
    async with a_runtime(tmp_path, reader, limits=TurnLimits(warm_seconds=0)) as runtime:
        await complete(runtime)
        await complete(runtime)
        asyncio.get_running_loop().call_later(0.1, reader.has_started.set)
    assert (reader.calls, reader.starts) == (1, 1)


@pytest.mark.parametrize("failure", [OSError("no more processes"), ValueError("odd")])
async def test_a_failure_to_start_it_fails_no_upload(tmp_path: Path, failure: Exception) -> None:
    async with a_runtime(tmp_path, Reader(failure)) as runtime:
        await complete(runtime)
