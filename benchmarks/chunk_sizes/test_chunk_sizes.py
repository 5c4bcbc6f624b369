"""How speed depends on the chunk size: each stage alone, the pipeline, the server.

``make bench`` runs it, saves the figures and compares them with those of the run before.
A plugin's author names an own stage or store: ``make bench ARGS="--stage mine"``.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.support.files import workspace
from benchmarks.support.processes import Server, pdfsluice
from benchmarks.support.registries import loaded_in, registry_in
from benchmarks.support.uploads import delete, upload
from pdfsluice.core.models.sessions import Checksum, ChunkIntent
from pdfsluice.core.plugins.ports.streams import StageContext
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.runtime.runtime import LOCAL, Runtime, open_runtime
from pdfsluice.core.uploads.creating import Initiation

READ = 256 * 1024


def measure(
    benchmark: BenchmarkFixture,
    size: int,
    rounds: int,
    work: Callable[[], Any],
    cpu: Callable[[], float] = time.process_time,
) -> None:
    """Time some work and note throughput and processor seconds per gigabyte."""
    untyped: Any = benchmark  # pytest-benchmark has no annotations
    before = cpu()
    untyped.pedantic(work, rounds=rounds, warmup_rounds=1)
    spent = (cpu() - before) / (rounds + 1)
    benchmark.extra_info["MB/s"] = round(size / untyped.stats["median"] / 1e6)
    benchmark.extra_info["cpu_seconds_per_GB"] = round(spent / size * 1e9, 3)


@pytest.fixture(scope="module")
def registry(folder: Path) -> Registry:
    return registry_in(folder / "registry")


@pytest.mark.benchmark(group="stages")
def test_stages(
    benchmark: BenchmarkFixture,
    registry: Registry,
    pdf: Path,
    chunk_size: int,
    rounds: int,
    stage: str,
) -> None:
    """One stream stage, or all together, fed from memory."""
    data = memoryview(pdf.read_bytes())
    specs = [spec for spec in registry.stream_stages if stage in {"all", spec.name}]
    assert specs, f"no plugin registered a stream stage {stage!r}"

    def work() -> None:
        context = StageContext(session_id="bench", filename=pdf.name, total_size=len(data))
        opened = [spec.open(context) for spec in specs]
        for offset in range(0, len(data), chunk_size):
            for one in opened:
                one.feed(data[offset : offset + chunk_size], offset)
        for one in opened:
            one.finish()
            one.close()

    measure(benchmark, len(data), rounds, work)


class FileBody:
    """A chunk of a file as a request body."""

    checksum: Checksum | None = None
    coded_bytes: int | None = None

    def __init__(self, data: memoryview) -> None:
        self._data = data

    async def parts(self, max_bytes: int) -> AsyncGenerator[Iterator[memoryview]]:
        for start in range(0, len(self._data), max_bytes):
            part = self._data[start : start + max_bytes]
            yield (part[at : at + READ] for at in range(0, len(part), READ))


@pytest.mark.benchmark(group="pipeline")
@pytest.mark.parametrize("durability", ["process", "power"])
def test_pipeline(
    benchmark: BenchmarkFixture,
    pdf: Path,
    chunk_size: int,
    durability: str,
    rounds: int,
    request: pytest.FixtureRequest,
) -> None:
    """The whole pipeline without HTTP: gates, checks, store, stages, import."""
    data = memoryview(pdf.read_bytes())

    async def send(runtime: Runtime) -> None:
        wanted = Initiation(
            filename=pdf.name, total_size=len(data), chunk_size=chunk_size, check_duplicates=False
        )
        session = await runtime.uploads.initiate(LOCAL, wanted)
        for offset in range(0, len(data), session.chunk_size):
            piece = data[offset : offset + session.chunk_size]
            intent = ChunkIntent(offset=offset, length=len(piece), max_length=len(piece))
            await runtime.uploads.receive(LOCAL, session.id, intent, FileBody(piece))
        done = await runtime.uploads.complete(LOCAL, session.id)
        await runtime.library.delete(LOCAL, done.document.id)

    with workspace() as folder, asyncio.Runner() as loop:
        settings = {"durability": durability, "upload_store": request.config.getoption("--store")}
        loaded, manager = loaded_in(folder, **settings, disable=("pdf-deep",))
        stack = AsyncExitStack()
        runtime = loop.run(stack.enter_async_context(open_runtime(loaded, manager)))
        try:
            measure(benchmark, len(data), rounds, lambda: loop.run(send(runtime)), _cpu_of_all)
        finally:
            loop.run(stack.aclose())


def _cpu_of_all() -> float:
    """Return the processor time of this process and its living children."""
    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return sum(time.user + time.system for time in times)


@pytest.fixture(scope="module", params=["process", "power"])
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    name = f"server-{request.param}"
    with pdfsluice(folder / name, PDFSLUICE_DURABILITY=request.param) as running:
        yield running


@pytest.mark.benchmark(group="server")
@pytest.mark.parametrize("door", ["raw", "form", "tus"])
def test_server(
    benchmark: BenchmarkFixture, server: Server, pdf: Path, chunk_size: int, door: str, rounds: int
) -> None:
    """The server over HTTP, one connection, everything on."""

    def work() -> None:
        document = upload(server.host, server.port, pdf, door=door, chunk_size=chunk_size)
        delete(server.host, server.port, document)

    measure(benchmark, pdf.stat().st_size, rounds, work, server.cpu_seconds)
