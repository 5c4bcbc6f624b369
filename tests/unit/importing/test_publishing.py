"""Pages are published by words while others are read."""

import asyncio
from collections.abc import Sequence

import pytest

from pdfsluice.core import PageText, StageFailed
from pdfsluice.plugins.importers.publishing import WordPublisher

ONE, TWO, THREE = ([PageText(number, "text")] for number in range(1, 4))


class Index:
    """Publishes pages when it is allowed to."""

    def __init__(self) -> None:
        self.allowed = asyncio.Event()
        self.published: list[list[PageText]] = []
        self.cancelled = False

    async def publish(self, pages: Sequence[PageText]) -> None:
        try:
            await self.allowed.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.published.append(list(pages))


async def settle() -> None:
    """Let every other task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_pages_are_published_while_the_caller_reads_on() -> None:
    index = Index()
    async with WordPublisher(index.publish) as words:
        await words.add(ONE)
        assert not index.published
        index.allowed.set()
        await settle()
        assert index.published == [ONE]
        await words.add(TWO)
    assert index.published == [ONE, TWO]


async def test_pages_that_wait_are_published_together() -> None:
    index = Index()
    async with WordPublisher(index.publish) as words:
        await words.add(ONE)
        await settle()
        await words.add(TWO)
        await words.add(THREE)
        index.allowed.set()
    assert index.published == [ONE, [*TWO, *THREE]]


async def test_the_caller_waits_if_too_many_pages_do() -> None:
    index = Index()
    async with WordPublisher(index.publish, max_waiting=1) as words:
        await words.add(ONE)
        await settle()
        await words.add(TWO)
        third = asyncio.create_task(words.add(THREE))
        await settle()
        assert not third.done()
        index.allowed.set()
        await third
    assert index.published == [ONE, TWO, THREE]


async def test_a_caller_that_waits_receives_the_error() -> None:
    index = Index()

    async def fail(pages: Sequence[PageText]) -> None:
        await index.publish(pages)
        raise StageFailed("page 1 was not published")

    async def read() -> None:
        async with WordPublisher(fail, max_waiting=1) as words:
            await words.add(ONE)
            await settle()
            await words.add(TWO)
            asyncio.get_running_loop().call_soon(index.allowed.set)
            await words.add(THREE)

    with pytest.raises(StageFailed, match="page 1"):
        await read()
    assert index.published == [ONE]


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
