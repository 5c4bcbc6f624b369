"""Whether the server is ready: the checks of gates and completion stages count."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.models.findings import StageReport
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stages import (
    CompletionContext,
    CompletionStageSpec,
    ReadinessCheck,
)
from tests.support.runtimes import STORES
from tests.support.waiting import until
from tests.support.web import WebServer, a_server, body_of


class Scanner:
    """A plugin whose completion stage depends on something that may be away."""

    def __init__(self, obstacle: ReadinessCheck) -> None:
        self._obstacle = obstacle

    @hookimpl
    def pdfsluice_register_completion_stages(
        self, context: PluginContext
    ) -> list[CompletionStageSpec]:
        del context
        return [CompletionStageSpec(name="scanner", stage=self, obstacle=self._obstacle)]

    async def inspect(self, context: CompletionContext) -> StageReport:
        del context
        return StageReport()


async def readiness(web: WebServer) -> tuple[int, dict[str, Any]]:
    async with web.http.get("/health/ready") as response:
        return response.status, (await body_of(response))["checks"]


@pytest.mark.parametrize(("limit", "status"), [(1, 503), (1_000_000, 200)])
async def test_the_memory_gate(tmp_path: Path, limit: int, status: int) -> None:
    built_in = (*STORES, "backpressure")
    async with a_server(tmp_path, built_in=built_in, memory_limit_mb=limit) as web:
        answered, checks = await readiness(web)
    assert answered == status
    said = checks["gates:memory"]
    assert "MiB of memory and is allowed 1 MiB" in said if status == 503 else said == "ok"


async def test_a_stage_that_depends_on_others(tmp_path: Path) -> None:
    says = ""

    async def obstacle() -> str:
        return says

    async with a_server(tmp_path, Scanner(obstacle)) as web:
        assert (await readiness(web))[0] == 200
        says = "the scanner is away"
        async with asyncio.timeout(30):  # an answer is a second old at most

            async def unready() -> object:
                return (await readiness(web))[0] != 200

            await until(unready)
        status, checks = await readiness(web)
    assert (status, checks["completion_stages:scanner"]) == (503, "the scanner is away")


async def test_a_stage_that_breaks_or_does_not_answer(tmp_path: Path) -> None:
    async def broken() -> str:
        raise RuntimeError("a defect")

    async with a_server(tmp_path / "broken", Scanner(broken)) as web:
        status, checks = await readiness(web)
    assert status == 503
    assert "scanner" in checks["completion_stages:scanner"]
    assert "(RuntimeError)" in checks["completion_stages:scanner"]

    async def silent() -> str:
        await asyncio.Event().wait()
        return ""

    async with a_server(tmp_path / "silent", Scanner(silent)) as web:
        status, checks = await readiness(web)
    assert (status, checks["completion_stages:scanner"]) == (503, "TimeoutError")
