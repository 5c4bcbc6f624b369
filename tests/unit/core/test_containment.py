"""No part cancels its caller, gives a wrong answer, or stops the event loop."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from pdfsluice.core.models.findings import Decision
from pdfsluice.core.plugins.answers import WrongAnswer
from pdfsluice.core.plugins.hold_watch import HoldWatch
from pdfsluice.core.plugins.kinds import Shape
from pdfsluice.core.plugins.part_tasks import PartTasks
from pdfsluice.core.plugins.ports.access import Authenticator
from pdfsluice.core.plugins.ports.checksums import Hasher
from pdfsluice.core.plugins.ports.documents import Importer, Index, PageRenderer
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.ports.stages import ChunkStage, CompletionStage
from pdfsluice.core.plugins.ports.stores import SessionStore, UploadStore
from pdfsluice.core.plugins.ports.streams import StreamStage
from pdfsluice.core.plugins.shapes import port_of
from pdfsluice.core.plugins.thread_boundary import PartFailed
from tests.support.boundaries import PART, BoundaryFixture
from tests.support.waiting import until


@pytest.fixture
def about() -> BoundaryFixture:
    return BoundaryFixture()


@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize("error", [None, ValueError("after it")])
async def test_a_part_cannot_cancel_its_caller(
    about: BoundaryFixture, suspends: bool, error: BaseException | None
) -> None:
    class Cancelling:
        async def run(self, context: object) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            if suspends:
                await asyncio.sleep(0)
            if error is not None:
                raise error

    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(PartFailed, match="importer 'ocr' of acme-ocr"):
        await about.guarded(Importer, Cancelling()).run(None)
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # no cancellation is left for what the caller does next


async def test_a_plain_method_cannot_cancel_its_caller(about: BoundaryFixture) -> None:
    class Cancelling:
        def decide(self, finding: object, session: object) -> Decision:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            return Decision.NOTE

    with pytest.raises(PartFailed):
        about.guarded(Policy, Cancelling()).decide(None, None)
    assert asyncio.current_task() is not None
    await asyncio.sleep(0)


async def test_a_cancellation_from_outside_still_arrives(
    about: BoundaryFixture,
) -> None:
    class Cancelling:
        async def run(self, context: object) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

    async def caller() -> None:
        await about.guarded(Importer, Cancelling()).run(None)

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


RUBBISH: list[tuple[type[Any], str, object, str]] = [
    (Authenticator, "authenticate", "me", "gave str; Principal or None is expected"),
    (Authenticator, "enforced", None, "gave None; bool is expected"),
    (ChunkStage, "begin", 7, "gave int: int has no method 'update'"),
    (CompletionStage, "inspect", None, "gave None; StageReport is expected"),
    (Hasher, "digest", "ab", "gave str; bytes is expected"),
    (Index, "search", [None], r"gave list of NoneType; Sequence\[Passage\] is expected"),
    (Index, "search", "ab", r"gave str; Sequence\[Passage\] is expected"),
    (PageRenderer, "render", None, "gave None; bytes is expected"),
    (Policy, "decide", True, "gave bool; Decision is expected"),
    (SessionStore, "checkpoints", {"a": b"b"}, "gave dict of bytes; dict"),
    (StreamStage, "feed", None, r"gave None; Sequence\[Finding\] is expected"),
    (UploadStore, "sizes", {"a": "b"}, r"gave dict of str; Mapping\[str, int\] is expected"),
]


@pytest.mark.parametrize(
    ("protocol", "name", "answer", "message"), RUBBISH, ids=lambda value: str(value)[:40]
)
async def test_a_wrong_answer_is_a_failure_of_the_part(
    about: BoundaryFixture, protocol: type[Any], name: str, answer: object, message: str
) -> None:
    def give(*_: object, **__: object) -> object:
        return answer

    async def give_later(*_: object, **__: object) -> object:
        return answer

    methods = dict.fromkeys(port_of(protocol).attributes, answer)
    shapes = {Shape.PLAIN: give, Shape.AWAITED: give_later}
    methods |= {each: shapes.get(shape) for each, shape in port_of(protocol).methods.items()}
    guarded = about.guarded(protocol, type("Odd", (), methods)())

    async def ask() -> None:
        answer = getattr(guarded, name)
        result = answer() if callable(answer) else answer
        if asyncio.iscoroutine(result):
            await result

    with pytest.raises(PartFailed) as caught:
        await ask()
    assert isinstance(caught.value.__cause__, WrongAnswer)
    assert re.search(message, str(caught.value.__cause__))


async def test_a_part_that_never_gives_the_loop_back_is_interrupted(about: BoundaryFixture) -> None:
    """Also one that ignores every exception; everything else continues."""

    class Stubborn:
        def decide(self, finding: object, session: object) -> Decision:
            while True:
                with suppress(Exception):
                    time.sleep(60)

    with HoldWatch(about.loop_clock, timeout_seconds=0.1).running():
        with pytest.raises(PartFailed, match="LoopHeld"):
            about.guarded(Policy, Stubborn()).decide(None, None)
        time.sleep(0.2)
    assert about.counts.failures == 1


@pytest.fixture
async def tasks(about: BoundaryFixture) -> AsyncIterator[None]:
    async with PartTasks(about.loop_clock, close_seconds=0.05).watched():
        yield


class Starting:
    """Starts a task and leaves it alone."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.tasks: list[asyncio.Task[Any]] = []

    async def run(self, context: object) -> None:
        self.tasks.append(asyncio.create_task(self.work()))


@pytest.mark.usefixtures("tasks")
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_no_task_of_a_part_ends_the_loop(
    about: BoundaryFixture, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise error

    part = Starting(fail)
    await about.guarded(Importer, part).run(None)
    with pytest.raises(PartFailed, match="task of the importer 'ocr' of acme-ocr"):
        await part.tasks[0]
    assert "a task of the importer 'ocr' of acme-ocr failed" in caplog.text


async def test_tasks_of_a_part_are_counted_and_left_behind_at_the_end(
    about: BoundaryFixture, caplog: pytest.LogCaptureFixture
) -> None:
    async def ignore_all() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    part = Starting(ignore_all)
    async with PartTasks(about.loop_clock, close_seconds=0.05).watched():
        for _ in range(100):
            await about.guarded(Importer, part).run(None)
        await asyncio.sleep(0)
        assert about.counts.tasks == 100
        assert "importer 'ocr' of acme-ocr has 100 tasks that do not end" in caplog.text
        assert "importer 'ocr' of acme-ocr: Task-" in part.tasks[0].get_name()
    assert "importer 'ocr' of acme-ocr left 100 tasks that do not end" in caplog.text
    assert not asyncio.all_tasks() & set(part.tasks), "the loop does not wait for them"


@pytest.mark.parametrize("kind", ["awaited", "in a thread"])
async def test_a_call_that_does_not_return_is_reported(
    about: BoundaryFixture, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended = threading.Event()

    class Waiting:
        async def get(self, session_id: str) -> None:
            await asyncio.to_thread(ended.wait)

        def update(self, data: object) -> None:
            ended.wait()

    about.clock.now = 1000.0
    if kind == "awaited":
        call = asyncio.ensure_future(about.guarded(SessionStore, Waiting()).get("1"))
    else:
        hasher = about.guarded(Hasher, Waiting())
        call = asyncio.ensure_future(asyncio.to_thread(hasher.update, b""))
    await until(lambda: about.counts.calls, seconds=10)
    about.clock.now += 61.0
    with HoldWatch(about.loop_clock, {PART: about.counts}, timeout_seconds=0.01).running():
        await until(lambda: "importer 'ocr' of acme-ocr has not returned from" in caplog.text)
    assert len(about.counts.overdue(about.clock.now)) == 1
    ended.set()
    await asyncio.gather(call, return_exceptions=True)
    assert not about.counts.calls
