"""Publishing of pages by words, next to the reading of further pages."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from pdfsluice.core import PageText

DEFAULT_MAX_WAITING_CHARACTERS = 200_000
_PAGE_CHARACTERS = 100  # that a page counts in addition to its text

Publish = Callable[[Sequence[PageText]], Awaitable[None]]


class WordPublisher:
    """A publisher of pages, next to the reading of further ones.

    Pages that are added while others are published wait, and are published together. The first
    ones are therefore found early, and reading does not wait for the process that publishes
    to start. On leaving the context, the last pages are awaited; after an error they are
    cancelled.

    Args:
        publish: Publishes pages; ``None`` if that is not wanted.
        max_waiting: Characters that may wait; then the caller does.
    """

    def __init__(
        self, publish: Publish | None, *, max_waiting: int = DEFAULT_MAX_WAITING_CHARACTERS
    ) -> None:
        self._publish = publish
        self._max_waiting = max_waiting
        self._waiting: list[PageText] = []
        self._taken = asyncio.Event()
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
        """Have pages published after those before them."""
        if self._publish is None:
            return
        while self._is_running and _characters(self._waiting) >= self._max_waiting:
            self._taken.clear()
            await self._taken.wait()
        if not self._is_running:
            await self._finish()
            self._task = asyncio.create_task(self._work(self._publish), name="publish words")
        self._waiting += pages

    @property
    def _is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def _work(self, publish: Publish) -> None:
        try:
            while self._waiting:
                pages, self._waiting = self._waiting, []
                self._taken.set()
                await publish(pages)
        finally:
            self._taken.set()

    async def _finish(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            await task


def _characters(pages: Iterable[PageText]) -> int:
    return sum(len(page.text) + _PAGE_CHARACTERS for page in pages)
