"""What is asked of the process in which the stages of an upload run."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from pdfsluice.core import StageContext, StreamStageSpec
from pdfsluice.core.processes.wire import pack, unpack
from pdfsluice.core.scanning.process import StageProcess
from pdfsluice.core.scanning.process_runner import ProcessRunner
from pdfsluice.core.scanning.reader import SLICE_SIZE
from pdfsluice.core.scanning.worker_main import StageWorker
from pdfsluice.plugins.digest.stage import DigestStage

DATA = bytes(range(256)) * 400


class OneProcess:
    """A pool of one stage process, which runs in this one and notes its requests."""

    contended = retiring = False
    closing_timeout = 1.0

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.uploads = 0
        self._worker = StageWorker([StreamStageSpec(name="digest", open=DigestStage)])

    def next_reader(self) -> int:
        return 1

    async def enter(self, runner: ProcessRunner) -> StageProcess:
        del runner
        self.uploads += 1
        return cast("StageProcess", self)

    async def leave(self, runner: ProcessRunner) -> None:
        del runner
        self.uploads -= 1

    async def begin(self, request: Mapping[str, Any]) -> "asyncio.Future[dict[str, Any]]":
        self.requests.append(request["do"])
        answer = asyncio.get_running_loop().create_future()
        answer.set_result(unpack(pack(self._worker.answer(unpack(pack(request))))))
        return answer


def runner_of(pool: OneProcess, path: Path, total: int | None) -> ProcessRunner:
    context = StageContext(session_id="upload", filename="a.pdf", total_size=total)
    return ProcessRunner(pool, lambda: context, path, {})


@pytest.mark.parametrize(
    ("total", "steps", "requests"),
    [
        (len(DATA), [len(DATA)], ["read"]),
        (len(DATA), [SLICE_SIZE // 8, len(DATA)], ["read", "read", "finish"]),
        (None, [len(DATA)], ["read", "finish"]),
    ],
    ids=["whole", "in parts", "of unknown size"],
)
async def test_a_file_that_is_read_in_one_turn_takes_one_request(
    tmp_path: Path, total: int | None, steps: list[int], requests: list[str]
) -> None:
    path, pool = tmp_path / "a.pdf", OneProcess()
    path.write_bytes(DATA)
    runner = runner_of(pool, path, total)
    for end in steps:
        assert not await runner.read_on(end)
        assert runner.position == end
    (report,) = await runner.finish()
    assert report.facts["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert runner.position == len(DATA)
    assert await runner.close() == {}
    assert pool.requests == requests
    assert pool.uploads == 0
