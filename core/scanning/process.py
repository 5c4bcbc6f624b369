"""The server's side of one stage process: requests out, answers back in any order.

Answers are checked as untrusted input: the process parses untrusted bytes, which may have
taken control of it.
"""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from typing import Any

import psutil

from pdfsluice.core.encoding import to_json
from pdfsluice.core.processes.child import Child, ChildFailed, Limits
from pdfsluice.core.processes.child import start as start_child

from .bootstrap import Bootstrap
from .runner import StagesLost
from .worker_main import THREADS

logger = logging.getLogger(__name__)

Answer = asyncio.Future[dict[str, Any]]

_MAX_LINE_BYTES = 16 * 1024 * 1024
_MAX_LOGGER_NAME = 100
_MAX_LOG_MESSAGE = 10_000


class StageProcess:
    """A running stage process; made by :func:`start`.

    Attributes:
        uploads: Number of uploads whose stages run here.
        retiring: Whether its uploads are to move to another process.
        failure: Why it has ended; ``None`` while it runs.
    """

    def __init__(self, child: Child, *, request_timeout: float) -> None:
        self._child = child
        self._timeout = request_timeout
        self._numbers = itertools.count()
        self._waiting: dict[int, Answer] = {}
        self._turns = asyncio.Semaphore(THREADS)
        self._listener = asyncio.create_task(self._listen(), name="listener to a stage process")
        self._killed_for = ""
        self.uploads = 0
        self.retiring = False
        self.failure: ChildFailed | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

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
        loop = asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        clock = loop.call_later(self._timeout, self.kill, f"no answer for {self._timeout:g} s")
        number = next(self._numbers)
        self._waiting[number] = answer

        def answered(answer: Answer) -> None:
            clock.cancel()
            self._turns.release()
            if not answer.cancelled():
                answer.exception()  # retrieved: the caller may have left

        answer.add_done_callback(answered)
        self._child.post(to_json({"id": number, **request}))
        return answer

    def kill(self, reason: str) -> None:
        """Kill the process."""
        self._killed_for = self._killed_for or reason
        self._child.kill()

    async def _listen(self) -> None:
        try:
            async for reply in self._child.replies():
                self._receive(reply)
        except ChildFailed as failure:
            reason = self._killed_for
            self.failure = ChildFailed("killed", reason) if reason else failure
        except Exception as error:  # noqa: BLE001 - its replies are untrusted
            self.failure = ChildFailed("error", f"{type(error).__name__}: {error}")
            self._child.kill()
        finally:
            if self.failure is None:
                self.failure = ChildFailed("killed", "the server is stopping")
            else:
                logger.error("a stage process ended: %s", self.failure)
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(self.failure)
            self._waiting.clear()

    def _receive(self, reply: dict[str, Any]) -> None:
        if "log" in reply:
            _log(str(reply["log"]), int(reply["level"]), str(reply["message"]))
            return
        answer = self._waiting.pop(reply.pop("id"), None)
        if answer is not None and not answer.done():
            answer.set_result(reply)

    async def close(self) -> None:
        """End the process."""
        self._child.kill()
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        await self._child.close()


def _log(name: str, level: int, message: str) -> None:
    """Log a message of a stage under the name of this module."""
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
    child = await start_child(
        module,
        Limits(apart=True),
        access=bootstrap.access,
        max_line=_MAX_LINE_BYTES,
    )
    try:
        child.post(bootstrap.packed())
        await child.wait_until_ready()
    except BaseException:
        await child.close()
        raise
    level = logging.INFO if child.protection.complete else logging.WARNING
    logger.log(level, "a stage process started, confined by: %s", child.protection)
    return StageProcess(child, request_timeout=request_timeout)
