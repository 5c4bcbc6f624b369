"""Checkpoints of stream stages are stored while an upload comes."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pdfsluice.core import Finding, StageContext, StageReport, StreamStageSpec
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.scanning.follower import CheckpointInterval, Follower
from pdfsluice.core.scanning.reader import Checkpoints
from pdfsluice.core.scanning.runner import ThreadRunners
from pdfsluice.core.testing.memory_uploads import MemoryUploadStore
from pdfsluice.core.threads import BufferPool, Workers
from tests.support.runtimes import send
from tests.support.sabotage import CHUNK, complete, file, install, saboteur_runtime
from tests.support.waiting import until

CHUNKS = 6
MIB = 1024 * 1024


@pytest.mark.long
async def test_a_stage_continues_from_its_checkpoint_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch)
    command = [sys.executable, "-m", "tests.support.killed_runtime", str(tmp_path), str(CHUNKS)]
    killed = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, timeout=100
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    async with saboteur_runtime(tmp_path) as runtime:
        session = await runtime.uploads.resume(LOCAL, killed.stdout.strip(), "")
        assert session.committed.frontier == (CHUNKS - 1) * CHUNK
        await send(runtime, session, file("nothing", CHUNKS), CHUNKS - 1)
        facts = await complete(runtime, session)
    assert facts["began_at"] >= CHUNK, "the stage began at the start again"
    assert facts["seen"] == CHUNKS * CHUNK


class Counts:
    """A stage whose checkpoint is what it has seen."""

    def __init__(self, context: StageContext) -> None:
        self._seen = int(context.checkpoint or b"0")

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        assert offset == self._seen
        self._seen += len(data)
        return ()

    def finish(self) -> StageReport:
        return StageReport(facts={"seen": self._seen})

    def checkpoint(self) -> bytes | None:
        return str(self._seen).encode()

    def close(self) -> None:
        return


@pytest.mark.parametrize(
    ("interval", "stored"),
    [
        (CheckpointInterval(max_bytes=16 * MIB, max_seconds=3600), [16 * MIB, 32 * MIB]),
        (CheckpointInterval(max_bytes=64 * MIB, max_seconds=3600), []),
        (CheckpointInterval(max_bytes=64 * MIB, max_seconds=0), None),
    ],
    ids=["bytes", "neither", "seconds"],
)
async def test_stages_are_asked_after_bytes_or_seconds(
    interval: CheckpointInterval, stored: list[int] | None
) -> None:
    seen: list[int] = []
    failures: list[BaseException] = []
    store = MemoryUploadStore()
    upload_id = "00000000-0000-4000-8000-000000000000"
    size = 40 * MIB
    blob = await store.create(upload_id, size)
    blob.write(0, memoryview(bytes(size)))

    async def keep(checkpoints: Checkpoints) -> None:
        offset, state = checkpoints["counts"]
        assert int(state) == offset
        seen.append(offset)
        raise OSError("the database is away")  # which costs the checkpoint alone

    async def proceed(_findings: Sequence[Finding]) -> bool:
        return True

    async def fail(error: BaseException) -> None:
        failures.append(error)

    async def nothing(_start: int, _end: int) -> None:
        return

    workers, buffers = Workers(1), BufferPool(1, MIB)
    spec = StreamStageSpec(name="counts", open=Counts)
    context = StageContext(session_id=upload_id, filename="a.pdf", total_size=None)
    follower = Follower(
        upload_id,
        lambda latest: ThreadRunners([spec], workers, buffers).runner(
            lambda: context, blob, latest
        ),
        {},
        frontier=lambda: size,
        prepare=nothing,
        on_findings=proceed,
        on_validated=lambda _: None,
        on_failure=fail,
        on_checkpoints=keep,
        interval=interval,
    )
    follower.wake()
    (report,) = await follower.finish(size)
    await until(lambda: follower._closing is not None)
    await follower.close()
    workers.close()
    assert report.facts == {"seen": size}
    assert failures == []
    if stored is None:
        assert len(seen) > 1
    else:
        assert len(seen) == len(stored)
        assert all(offset >= least for offset, least in zip(seen, stored, strict=True))
