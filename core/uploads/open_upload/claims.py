"""Claims of requests on the ranges that they write; newer claims preempt older."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from pdfsluice.core.errors import PdfsluiceError, Preempted


class Claim:
    """The range ``[start, end)`` that one running request may write.

    Attributes:
        start: Offset of the first byte.
        end: The offset that the request must not write past; it shrinks if the size of the
            file becomes known meanwhile.
        position: The offset up to which bytes have come. A worker thread moves it.
        pending: How many bytes have come since the last commit.
    """

    def __init__(self, start: int, end: int, task: "asyncio.Task[Any]") -> None:
        self.start = start
        self.end = end
        self.position = start
        self.pending = 0
        self.released = asyncio.Event()
        self.stopped_by: PdfsluiceError | None = None
        self._task = task

    def overlaps(self, start: int, end: int) -> bool:
        """Return whether the claim and ``[start, end)`` have a byte in common."""
        return self.start < end and start < self.end

    def stop(self, reason: PdfsluiceError) -> None:
        """Make the request raise ``reason``; it commits what it may keep first."""
        if self.stopped_by is None:
            self.stopped_by = reason
            self._task.cancel()


class Claims:
    """The claims on one upload. Used on the event loop."""

    def __init__(self) -> None:
        self._claims: set[Claim] = set()

    def __bool__(self) -> bool:
        return bool(self._claims)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self._claims)

    @property
    def pending(self) -> int:
        """How many bytes have come that are not committed."""
        return sum(claim.pending for claim in self._claims)

    @property
    def position(self) -> int:
        """The highest offset up to which bytes have come; 0 if none has."""
        return max(
            (each.position for each in self._claims if each.position > each.start), default=0
        )

    @asynccontextmanager
    async def claim(
        self, start: int, end: int, refusal: Callable[[], PdfsluiceError | None]
    ) -> AsyncIterator[Claim]:
        """Claim a range for the current task; older claims on these bytes give way.

        A claim is stopped as ``asyncio.timeout`` ends its block: the task is cancelled, and
        the cancellation becomes the error on leaving the block. A cancellation of the task
        by its owner stays one.

        Args:
            start: Offset of the first byte.
            end: Offset after the last byte.
            refusal: Returns why the upload takes no bytes, if that is so; asked after
                waiting for older claims.

        Raises:
            Preempted: A newer request claimed the same bytes.
            PdfsluiceError: The upload takes no bytes, or what stopped the request.
        """
        await self.preempt(start, end)
        error = refusal()
        if error is not None:
            raise error
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("bytes are claimed outside of any task")
        before = task.cancelling()
        claim = Claim(start, end, task)
        self._claims.add(claim)
        try:
            yield claim
        except (asyncio.CancelledError, PdfsluiceError):
            if claim.stopped_by is None or task.uncancel() > before:
                raise
            raise claim.stopped_by from None  # the cancellation only delivered it
        finally:
            self._claims.discard(claim)
            claim.released.set()

    def limit(self, end: int) -> None:
        """Let no claim go past ``end``: the size of the file is known now."""
        for claim in self._claims:
            claim.end = min(claim.end, end)

    async def preempt(self, start: int, end: int) -> None:
        """Stop the requests for bytes that a newer request wants, and wait for them."""
        await self._stop(
            Preempted("a newer request for the same bytes took over"),
            lambda claim: claim.overlaps(start, end),
        )

    async def stop_all(self, reason: PdfsluiceError) -> None:
        """Stop all requests with an error and wait until each has released its claim."""
        await self._stop(reason, lambda _: True)

    async def _stop(self, reason: PdfsluiceError, matches: Callable[[Claim], bool]) -> None:
        while claims := [claim for claim in self._claims if matches(claim)]:
            for claim in claims:
                claim.stop(reason)
            for claim in claims:
                await claim.released.wait()

    async def wait_released(self, grace: float) -> None:
        """Wait until no request holds a claim, at most ``grace`` seconds."""
        try:
            async with asyncio.timeout(grace):
                while self._claims:
                    await next(iter(self._claims)).released.wait()
        except TimeoutError:
            return
