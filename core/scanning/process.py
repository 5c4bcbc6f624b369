"""One stage process as the server sees it: requests in, answers in any order.

What such a process says is not believed further than one in which the stages are: it looks
at untrusted bytes, and one of them may have got the better of it.
"""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from typing import Any

from pdfsluice.core.encoding import to_json
from pdfsluice.core.processes.child import Child, ChildFailed, Limits
from pdfsluice.core.processes.child import start as start_child

from .bootstrap import Equipment
from .runner import StagesLost
from .worker_main import THREADS

logger = logging.getLogger(__name__)

Answer = asyncio.Future[dict[str, Any]]

_MODULE = "pdfsluice.core.scanning.worker_main"
_PATIENCE = 600.0
"""Seconds for one request: 8 MiB, or the verdict of a virus scanner on a whole file."""
_LONGEST_LINE = 16 * 1024 * 1024
_LONGEST_NAME = 100
_LONGEST_MESSAGE = 10_000


class StageProcess:
    """A running stage process; made by :func:`start`.

    Attributes:
        uploads: How many uploads have their stages here.
        failure: Why it is of no more use, once it is not.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._numbers = itertools.count()
        self._waiting: dict[int, Answer] = {}
        self._turns = asyncio.Semaphore(THREADS)
        self._listener = asyncio.create_task(self._listen(), name="listener to a stage process")
        self._killed_for = ""
        self.uploads = 0
        self.failure: ChildFailed | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    async def begin(self, request: Mapping[str, Any]) -> Answer:
        """Send a request when it is its turn; return the answer to come.

        A process that does not answer in time is ended, whether or not somebody still waits.

        Raises:
            StagesLost: The process died before the request was sent.
        """
        await self._turns.acquire()
        if self.failure is not None:
            self._turns.release()
            raise StagesLost
        loop = asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        clock = loop.call_later(_PATIENCE, self.kill, f"no answer for {_PATIENCE:g} s")
        number = next(self._numbers)
        self._waiting[number] = answer

        def answered(answer: Answer) -> None:
            clock.cancel()
            self._turns.release()
            if not answer.cancelled():
                answer.exception()  # looked at: whoever asked may have gone away

        answer.add_done_callback(answered)
        self._child.post(to_json({"id": number, **request}))
        return answer

    def kill(self, why: str) -> None:
        """End the process."""
        self._killed_for = self._killed_for or why
        self._child.kill()

    async def _listen(self) -> None:
        try:
            async for reply in self._child.replies():
                self._hear(reply)
        except ChildFailed as failure:
            why = self._killed_for
            self.failure = ChildFailed("killed", why) if why else failure
        except Exception as error:  # noqa: BLE001 - it may say anything
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

    def _hear(self, reply: dict[str, Any]) -> None:
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
    """Log what a stage has logged; under our name, because it could claim any other."""
    level = min(max(level, logging.DEBUG), logging.CRITICAL)
    logger.log(level, "%s: %s", name[:_LONGEST_NAME], message[:_LONGEST_MESSAGE])


async def start(equipment: Equipment) -> StageProcess:
    """Start a stage process.

    Raises:
        ChildFailed: It does not start.
        PluginError: Its equipment cannot be sent to it.
    """
    child = await start_child(
        _MODULE,
        Limits(apart=True),
        access=equipment.access,
        longest_line=_LONGEST_LINE,
    )
    try:
        child.post(equipment.packed())
        await child.wait_until_ready()
    except BaseException:
        await child.close()
        raise
    level = logging.INFO if child.protection.complete else logging.WARNING
    logger.log(level, "a stage process started, confined by: %s", child.protection)
    return StageProcess(child)
