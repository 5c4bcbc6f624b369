"""Pages are published by words while others are read."""

import asyncio
from collections.abc import Sequence

import pytest

from pdfsluice.core import PageText, StageFailed
from pdfsluice.plugins.importers.publishing import WordPublisher

ONE, TWO = [PageText(1, "one")], [PageText(2, "two")]


class Index:
    """Publishes pages when it is allowed to."""

    def __init__(self) -> None:
        self.allowed = asyncio.Event()
        self.published: list[PageText] = []
        self.cancelled = False

    async def publish(self, pages: Sequence[PageText]) -> None:
        try:
            await self.allowed.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.published += pages


async def test_a_batch_is_published_while_the_caller_reads_on() -> None:
    index = Index()
    async with WordPublisher(index.publish) as words:
        await words.add(ONE)
        assert not index.published
        index.allowed.set()
        await words.add(TWO)
        assert index.published == ONE
    assert index.published == [*ONE, *TWO]


async def test_one_batch_is_published_at_a_time() -> None:
    index = Index()
    async with WordPublisher(index.publish) as words:
        await words.add(ONE)
        second = asyncio.create_task(words.add(TWO))
        await asyncio.sleep(0)
        assert not second.done()
        index.allowed.set()
        await second


async def test_an_error_reaches_the_caller() -> None:
    async def fail(pages: Sequence[PageText]) -> None:
        raise StageFailed(f"{len(pages)} pages were not published")

    async def read() -> None:
        async with WordPublisher(fail) as words:
            await words.add(ONE)

    with pytest.raises(StageFailed, match="1 pages"):
        await read()


async def test_an_error_of_the_caller_cancels_what_is_being_published() -> None:
    index = Index()

    async def read() -> None:
        async with WordPublisher(index.publish) as words:
            await words.add(ONE)
            await asyncio.sleep(0)
            raise StageFailed("page 2 cannot be read")

    with pytest.raises(StageFailed):
        await read()
    assert index.cancelled
    assert not index.published


async def test_without_an_index_nothing_happens() -> None:
    async with WordPublisher(None) as words:
        await words.add(ONE)
