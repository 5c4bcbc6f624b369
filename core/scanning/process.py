"""The server's side of one stage process: requests out, answers back in any order.

Answers are checked as untrusted input: the process parses untrusted bytes, which may have
taken control of it.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import psutil

from pdfsluice.core.processes.child import Answer, Child, ChildFailed, Limits
from pdfsluice.core.processes.child import start as start_child

from .bootstrap import Bootstrap
from .runner import StagesLost
from .worker_main import THREADS

logger = logging.getLogger(__name__)

_MAX_LINE_BYTES = 16 * 1024 * 1024
_MAX_LOGGER_NAME = 100
_MAX_LOG_MESSAGE = 10_000


class StageProcess:
    """A running stage process; made by :func:`start`.

    Attributes:
        uploads: Number of uploads whose stages run here.
        retiring: Whether its uploads are to move to another process.
    """

    def __init__(self, child: Child, *, request_timeout: float) -> None:
        self._child = child
        self._timeout = request_timeout
        self._turns = asyncio.Semaphore(THREADS)
        self._closing = False
        self.uploads = 0
        self.retiring = False
        child.ended.add_done_callback(self._log_end)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def failure(self) -> ChildFailed | None:
        """Why it has ended; ``None`` while it runs."""
        return self._child.ended.result() if self._child.ended.done() else None

    def memory_bytes(self) -> int:
        """Return its resident memory; 0 after it has ended."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    async def begin(self, request: Mapping[str, Any]) -> Answer:
        """Send a request when a thread of the process is free; return its future answer.

        A process that does not answer in time is killed, also if the caller has left.

        Raises:
            StagesLost: The process died before the request was sent.
        """
        await self._turns.acquire()
        if self.failure is not None:
            self._turns.release()
            raise StagesLost
        clock = asyncio.get_running_loop().call_later(
            self._timeout, self.kill, f"no answer for {self._timeout:g} s"
        )

        def release(_: Answer) -> None:
            clock.cancel()
            self._turns.release()

        answer = self._child.begin(request)
        answer.add_done_callback(release)
        return answer

    def kill(self, reason: str) -> None:
        """Kill the process."""
        self._child.kill("killed", reason)

    def _log_end(self, ended: asyncio.Future[ChildFailed]) -> None:
        if not self._closing:
            logger.error("a stage process ended: %s", ended.result())

    async def close(self) -> None:
        """End the process."""
        self._closing = True
        self.kill("the server is stopping")
        await self._child.close()


def _log(notice: Mapping[str, Any]) -> None:
    """Log a message of a stage under the name of this module."""
    name, level, message = str(notice["log"]), int(notice["level"]), str(notice["message"])
    level = min(max(level, logging.DEBUG), logging.CRITICAL)
    logger.log(level, "%s: %s", name[:_MAX_LOGGER_NAME], message[:_MAX_LOG_MESSAGE])


async def start(bootstrap: Bootstrap, *, module: str, request_timeout: float) -> StageProcess:
    """Start a stage process.

    Args:
        bootstrap: Its plugins and their settings.
        module: The module that it runs.
        request_timeout: Seconds after which an unanswered request ends it.

    Raises:
        ChildFailed: It does not start.
        PluginError: The settings of its plugins cannot be sent to it.
    """
    message = {"bootstrap": bootstrap.packed()}
    child = await start_child(
        module,
        Limits(apart=True),
        access=bootstrap.access,
        max_line=_MAX_LINE_BYTES,
        on_notice=_log,
    )
    try:
        child.prepare(message)
        await child.wait_until_ready()
    except BaseException:
        await child.close()
        raise
    level = logging.INFO if child.protection.complete else logging.WARNING
    logger.log(level, "a stage process started, confined by: %s", child.protection)
    return StageProcess(child, request_timeout=request_timeout)
