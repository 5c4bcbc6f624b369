"""Publishing of pages by words, next to the reading of further pages."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from pdfsluice.core import PageText

Publish = Callable[[Sequence[PageText]], Awaitable[None]]


class WordPublisher:
    """A publisher of batches of pages, one at a time, while its caller reads on.

    On leaving the context, the last batch is awaited; after an error it is cancelled.

    Args:
        publish: Publishes pages; ``None`` if that is not wanted.
    """

    def __init__(self, publish: Publish | None) -> None:
        self._publish = publish
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self._finish()
        elif self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def add(self, pages: Sequence[PageText]) -> None:
        """Begin to publish pages when those before them are published."""
        await self._finish()
        if self._publish is not None:
            self._task = asyncio.create_task(_call(self._publish, pages), name="publish words")

    async def _finish(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            await task


async def _call(publish: Publish, pages: Sequence[PageText]) -> None:
    """Call it inside of the task, which may be cancelled before it begins."""
    await publish(pages)
