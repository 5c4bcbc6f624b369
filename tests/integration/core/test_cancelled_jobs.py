"""A running job that is cancelled stops with its processes, at any node."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from pdfsluice.core import ChildPool, Limits, PluginContext, hookimpl, plain_environment
from pdfsluice.core.errors import PermissionDenied, StateConflict
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.plugins.ports.documents import ImportContext, ImporterSpec
from pdfsluice.core.plugins.ports.managed_jobs import JobFilter
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.nodes import FAST, SLOW, ignore, nodes
from tests.support.runtimes import initiate, send_all
from tests.support.waiting import until

SUPPORT = Path(__file__).parents[2] / "support"
ENVIRONMENT = {**plain_environment(), "PYTHONPATH": str(SUPPORT)}
DATA = b"the bytes of a document"


class Sleeper:
    """An importer whose child sleeps until `patient` is unset."""

    def __init__(self) -> None:
        self.patient = True
        self.children: list[int] = []

    async def run(self, context: ImportContext) -> None:
        pool = ChildPool("odd_child", Limits(wall_seconds=300.0), environment=ENVIRONMENT)
        try:
            async with pool.borrow() as child:
                self.children.append((await child.ask({"do": "echo", "value": 1}))["pid"])
                if self.patient:
                    await child.ask({"do": "sleep", "seconds": 300})
        finally:
            await pool.close()

    async def forget(self, document_id: int) -> None:
        pass

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> Sequence[ImporterSpec]:
        return [ImporterSpec(name="sleeper", importer=self)]


def alive(pid: int) -> bool:
    """Whether a process is there."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def a_running_job(runtime: Runtime, sleeper: Sleeper) -> int:
    """Upload a document; return its import, which runs."""
    session = await initiate(runtime, DATA)
    await send_all(runtime, session, DATA)
    await runtime.uploads.complete(LOCAL, session.id)
    await until(lambda: sleeper.children)
    (running,), total = await runtime.jobs.list(LOCAL, JobFilter(kinds=[JobKind.IMPORT]))
    assert (running.job.state, total) == (JobState.RUNNING, 1)
    return running.job.id


@pytest.mark.long
@pytest.mark.parametrize("hints", [True, False], ids=["hints", "no hint"])
async def test_a_job_is_stopped_at_the_node_that_runs_it(tmp_path: Path, hints: bool) -> None:
    sleeper = Sleeper()
    intervals = SLOW if hints else FAST
    async with nodes(tmp_path, 2, sleeper, intervals=intervals, index="") as both:
        if not hints:
            for node in both:
                node.cluster.notify = ignore  # type: ignore[method-assign]
        job_id = await a_running_job(both[0], sleeper)
        (child,) = sleeper.children
        runner = (await both[0].jobs.get(LOCAL, job_id)).node
        other = next(node for node in both if node.cluster.node != runner)
        assert alive(child)
        cancelled = await other.jobs.cancel(LOCAL, job_id)
        assert (cancelled.job.state, cancelled.stopping) == (JobState.CANCELLED, False)
        assert "administrator" in cancelled.job.message
        assert not alive(child), "the process of the job has ended before the answer"
        assert await other.jobs.cancel(LOCAL, job_id) == cancelled, "repeating it changes nothing"

        sleeper.patient = False
        again = await other.jobs.retry(LOCAL, job_id)
        assert (again.job.state, again.job.attempts) == (JobState.QUEUED, 0)

        async def done() -> bool:
            return (await other.jobs.get(LOCAL, job_id)).job.state is JobState.DONE

        await until(done)
        with pytest.raises(StateConflict):
            await other.jobs.cancel(LOCAL, job_id)


async def test_only_administrators_manage_jobs(tmp_path: Path) -> None:
    async with nodes(tmp_path, 1) as (node,):
        user = Principal(id="key:u", name="u", scopes=frozenset({Scope.READ, Scope.UPLOAD}))
        for call in (
            node.jobs.list(user, JobFilter()),
            node.jobs.get(user, 1),
            node.jobs.cancel(user, 1),
            node.jobs.retry(user, 1),
        ):
            with pytest.raises(PermissionDenied):
                await call
