"""Tasks that parts of third parties start: counted, contained, ended in time.

The event loop stops if a task raises ``SystemExit`` or ``KeyboardInterrupt``, and it waits at
its end for each task, however long that ignores its cancellation. No boundary encloses a task
that a part starts itself, so the loop makes these tasks here.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from .loop_clock import LoopClock
from .parts import Part, PartCounts
from .thread_boundary import PartFailed

T = TypeVar("T")

logger = logging.getLogger(__name__)

DEFAULT_CLOSE_SECONDS = 5.0
_FIRST_WARNING = 100
"""So many running tasks of a part are logged, and again each tenfold number of them."""


class PartTasks:
    """The factory of an event loop's tasks.

    Args:
        clock: Knows which part runs on the event loop.
        close_seconds: How long tasks of parts may take to end when the program does.
    """

    def __init__(self, clock: LoopClock, *, close_seconds: float = DEFAULT_CLOSE_SECONDS) -> None:
        self._clock = clock
        self._close_seconds = close_seconds
        self._running: dict[asyncio.Task[Any], Part] = {}

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Make the tasks of the running loop; on leaving, end those of parts."""
        loop = asyncio.get_running_loop()
        previous = loop.get_task_factory()
        loop.set_task_factory(self._make)
        try:
            yield
        finally:
            loop.set_task_factory(previous)
            await self._end()

    def _make(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, T] | Generator[Any, None, T],
        **options: Any,
    ) -> "asyncio.Task[T]":
        owner = self._clock.running
        if owner is None or owner[0].plugin.built_in:  # which end their tasks themselves
            return asyncio.Task(work, loop=loop, **options)
        part, counts = owner
        task = asyncio.Task(_contained(work, part, counts), loop=loop, **options)
        task.set_name(f"{part.label}: {task.get_name()}")
        self._running[task] = part
        counts.tasks += 1
        if counts.tasks >= _FIRST_WARNING and str(counts.tasks).strip("0") == "1":
            logger.warning("%s has %d tasks that do not end", part.label, counts.tasks)

        def ended(_: "asyncio.Task[T]") -> None:
            del self._running[task]
            counts.tasks -= 1
            work.close()  # it has not begun if the task was cancelled before

        task.add_done_callback(ended)
        return task

    async def _end(self) -> None:
        """Cancel the tasks of parts; abandon those that do not end."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, pending = await asyncio.wait(tasks, timeout=self._close_seconds)
        for part, count in Counter(self._running[task] for task in pending).items():
            logger.error("%s left %d tasks that do not end", part.label, count)
        for task in pending:
            asyncio.tasks._unregister_task(task)  # noqa: SLF001 - documented; the loop would wait


async def _contained(work: Any, part: Part, counts: PartCounts) -> Any:
    """Do the work of a task; turn what would stop the event loop into a failure.

    Raises:
        PartFailed: The work raised ``SystemExit`` or ``KeyboardInterrupt``.
    """
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        counts.failures += 1
        logger.exception("a task of the %s failed", part.label)
        raise PartFailed(f"A task of the {part.label} failed ({type(error).__name__}).") from error
