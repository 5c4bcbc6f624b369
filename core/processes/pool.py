"""A few limited children that answer many short requests, one file each.

Starting an interpreter and importing a PDF library takes a tenth of a second; a small file
is inspected in a few milliseconds. So children are kept, and replaced often enough that
none gathers the leaks or the damage of many files, and none lingers when there is no work.
A worn child serves until its successor is ready, so that no request waits for one to start.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pdfsluice.core.plugins.ports.children import NO_ACCESS, ChildAccess

from .child import (
    Child,
    ChildFailed,
    Limits,
    start,
)

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Worker:
    child: Child
    served: int = 0
    idle_since: float = 0.0
    successor: asyncio.Task[None] | None = None


class ChildPool:
    """Children of one module; starts them as needed, ends them when idle or worn.

    Args:
        module: The module that each child runs; it calls :func:`~.child.serve`.
        limits: The limits of each request.
        access: What each child may reach besides the files it works on.
        arguments: The command line of each child.
        environment: The environment of each child; without one, the plain one.
        size: The most children that work at a time; further requests wait.
        recycle_after: Requests after which a child is replaced, as soon as another has
            started; after twice as many it is ended in any case.
        idle_seconds: Time without work after which a child is ended.
    """

    def __init__(
        self,
        module: str,
        limits: Limits,
        *,
        access: ChildAccess = NO_ACCESS,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        size: int = 2,
        recycle_after: int = 250,
        idle_seconds: float = 30.0,
    ) -> None:
        self._module = module
        self._limits = limits
        self._access = access
        self._arguments = tuple(arguments)
        self._environment = environment
        self._recycle_after = recycle_after
        self._idle_seconds = idle_seconds
        self._slots = asyncio.Semaphore(size)
        self._idle: list[_Worker] = []  # the one used last at the end: few stay warm
        self._reaper: asyncio.Task[None] | None = None
        self._starting: set[asyncio.Task[None]] = set()
        self._children: set[Child] = set()
        self._warming_up = asyncio.Lock()
        self._closed = False

    async def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return a child's answer to a request.

        The death of a child that has served before may be the fault of an earlier request
        (a damaged heap, a leak): such a request gets a second try, in a fresh child.

        Raises:
            ChildFailed: The child died, went over a limit, or reports that it failed.
        """
        async with self._slots:
            worker = await self._worker()
            if worker.served:
                try:
                    return await self._ask(worker, message)
                except ChildFailed as failure:
                    if failure.reason not in {"crashed", "killed", "memory-limit"}:
                        raise
                    worker = await self._fresh()
            return await self._ask(worker, message)

    async def warm_up(self) -> None:
        """Start a child if there is none, so that the next request need not wait for that.

        Raises:
            OSError: No process can be started.
        """
        async with self._warming_up:
            if not (self._children or self._closed):
                await self._start_idle()

    @asynccontextmanager
    async def borrow(self) -> AsyncGenerator[Child, None]:
        """Reserve a child for requests that belong together.

        A child whose borrower raises, for whatever reason, is ended: its state
        is unknown.
        """
        async with self._slots:
            worker = await self._worker()
            reusable = False
            try:
                yield worker.child
                reusable = self._keep(worker)
            finally:
                if not reusable:
                    await worker.child.close()

    async def close(self) -> None:
        """End all idle children, and each of the others after its request."""
        self._closed = True
        tasks = [*self._starting, *filter(None, [self._reaper])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._end_idle(float("inf"))

    @property
    def idle(self) -> int:
        """How many children wait for work."""
        return len(self._idle)

    async def _worker(self) -> _Worker:
        if self._warming_up.locked():
            async with self._warming_up:
                pass
        while self._idle:
            worker = self._idle.pop()
            if worker.child.alive:
                return worker
            await worker.child.close()
        return await self._fresh()

    async def _fresh(self) -> _Worker:
        child = await start(
            self._module,
            self._limits,
            access=self._access,
            arguments=self._arguments,
            environment=self._environment,
        )
        self._children.add(child)
        child.ended.add_done_callback(lambda _: self._children.discard(child))
        return _Worker(child)

    async def _ask(self, worker: _Worker, message: Mapping[str, Any]) -> dict[str, Any]:
        reusable = False
        try:
            reply = await worker.child.ask(message)
            reusable = self._keep(worker)
            return reply
        finally:
            if not reusable:
                await worker.child.close()

    def _keep(self, worker: _Worker) -> bool:
        """Let a child that has served rest until it is needed again, unless it is to end."""
        worker.served += 1
        if worker.served >= self._recycle_after and worker.successor is None and not self._closed:
            worker.successor = asyncio.create_task(self._succeed(worker))
            self._starting.add(worker.successor)
            worker.successor.add_done_callback(self._starting.discard)
        replaced = worker.successor is not None and worker.successor.done()
        reusable = not (self._closed or replaced or worker.served >= 2 * self._recycle_after)
        if reusable:
            self._rest(worker)
        return reusable

    async def _start_idle(self) -> None:
        worker = await self._fresh()
        if self._closed:
            await worker.child.close()
        else:
            self._rest(worker)

    async def _succeed(self, worn: _Worker) -> None:
        """Start the successor of a worn child, which ends now or when it has served."""
        try:
            fresh = await self._ready()
        except (ChildFailed, OSError) as failure:
            # The worn one ends without: the next request starts another, or fails.
            logger.warning("a process of %s could not be replaced: %s", self._module, failure)
            return
        self._rest(fresh)
        if worn in self._idle:
            self._idle.remove(worn)
            await worn.child.close()

    async def _ready(self) -> _Worker:
        worker = await self._fresh()
        try:
            await worker.child.wait_until_ready()
        except BaseException:
            await worker.child.close()
            raise
        return worker

    def _rest(self, worker: _Worker) -> None:
        worker.idle_since = asyncio.get_running_loop().time()
        self._idle.append(worker)
        if self._reaper is None or self._reaper.done():
            self._reaper = asyncio.create_task(self._reap(), name=f"reaper of {self._module}")

    async def _reap(self) -> None:
        """End children that have been idle for long, until there is none; then end too."""
        clock = asyncio.get_running_loop().time
        try:
            while self._idle:
                await asyncio.sleep(self._idle[0].idle_since + self._idle_seconds - clock())
                await self._end_idle(clock() - self._idle_seconds)
        except asyncio.CancelledError:
            await self._end_idle(float("inf"))  # the event loop ends, and they with it
            raise

    async def _end_idle(self, since: float) -> None:
        worn = [worker for worker in self._idle if worker.idle_since <= since]
        self._idle = [worker for worker in self._idle if worker.idle_since > since]
        for worker in worn:
            await worker.child.close()
