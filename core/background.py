"""Background tasks: each has an owner, and none ends unnoticed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)

DEFAULT_RESTART_SECONDS = 5.0


def caller_is_cancelled(error: BaseException) -> bool:
    """Return whether an exception is the cancellation of the task that catches it.

    A ``CancelledError`` may also come from awaiting something else that was cancelled, or from
    code that raises it. Only a task that was itself cancelled must propagate it.
    """
    if not isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a worker thread, which nothing cancels
        return False
    return task is None or bool(task.cancelling())


async def keep_running(
    name: str,
    work: Callable[[], Awaitable[object]],
    *,
    restart_seconds: float = DEFAULT_RESTART_SECONDS,
) -> None:
    """Run work until it returns or the task is cancelled; restart it when it fails.

    Args:
        name: The name of the work, for the log.
        work: Begins the work; called again after each failure.
        restart_seconds: Pause after a failure.
    """
    while True:
        try:
            await work()
        except BaseException as error:
            if isinstance(error, GeneratorExit) or caller_is_cancelled(error):
                raise
            logger.exception("%s failed; it is restarted in %g s", name, restart_seconds)
        else:
            return
        await asyncio.sleep(restart_seconds)


@asynccontextmanager
async def background(
    works: Mapping[str, Callable[[], Awaitable[object]]],
    *,
    restart_seconds: float = DEFAULT_RESTART_SECONDS,
) -> AsyncIterator[None]:
    """Run work in tasks while the context is open; on leaving, cancel and await them.

    Args:
        works: The work to run, by its name for the log.
        restart_seconds: Pause before work that failed is restarted.
    """
    tasks = [
        asyncio.create_task(keep_running(name, work, restart_seconds=restart_seconds), name=name)
        for name, work in works.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
