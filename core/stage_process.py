"""One stage process as the server sees it: requests in, answers in any order."""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from typing import Any

from .child import Child, ChildFailed, Limits
from .child import start as start_child
from .encoding import to_json
from .stage_child import THREADS
from .stage_equipment import Equipment
from .stage_hosts import StagesLost

logger = logging.getLogger(__name__)

_MODULE = "pdfsluice.core.stage_child"


class StageProcess:
    """A running stage process; made by :func:`start`.

    Attributes:
        uploads: How many uploads have their stages here.
        failure: Why it is of no more use, once it is not.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._turns = asyncio.Semaphore(THREADS)
        self._listener = asyncio.create_task(self._listen(), name="listener to a stage process")
        self.uploads = 0
        self.failure: ChildFailed | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    async def begin(self, request: Mapping[str, Any]) -> "asyncio.Future[dict[str, Any]]":
        """Send a request when it is its turn; return the answer to come.

        Raises:
            StagesLost: The process died before the request was sent.
        """
        await self._turns.acquire()
        if self.failure is not None:
            self._turns.release()
            raise StagesLost
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._turns.release())
        number = next(self._numbers)
        self._waiting[number] = answer
        self._child.post(to_json({"id": number, **request}))
        return answer

    def kill(self) -> None:
        """End the process, which hangs."""
        self._child.kill()

    async def _listen(self) -> None:
        try:
            async for reply in self._child.replies():
                if "log" in reply:
                    logging.getLogger(reply["log"]).log(reply["level"], "%s", reply["message"])
                    continue
                answer = self._waiting.pop(reply.pop("id"), None)
                if answer is not None and not answer.done():
                    answer.set_result(reply)
        except ChildFailed as failure:
            logger.error("a stage process ended: %s", failure)  # noqa: TRY400 - no traceback of ours
            self.failure = failure
        finally:
            self.failure = self.failure or ChildFailed("killed", "the server is stopping")
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(self.failure)
            self._waiting.clear()

    async def close(self) -> None:
        """End the process."""
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        await self._child.close()


async def start(equipment: Equipment) -> StageProcess:
    """Start a stage process.

    Raises:
        ChildFailed: It does not start.
    """
    child = await start_child(_MODULE, Limits())
    try:
        child.post(equipment.packed())
        await child.wait_until_ready()
    except BaseException:
        await child.close()
        raise
    return StageProcess(child)
