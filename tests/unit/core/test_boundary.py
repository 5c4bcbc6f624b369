"""What plugins raise, and how long they hold the loop, stops at the boundary."""

import asyncio
import errno
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from pdfsluice.core.errors import NotFound, Overloaded, PdfsluiceError, StorageFull
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.plugins.boundary import Boundary
from pdfsluice.core.plugins.guarding import guarded_object
from pdfsluice.core.plugins.parts import Part, PartCounts
from pdfsluice.core.plugins.ports.documents import Importer, Index, PageIndex, TextExtractor
from pdfsluice.core.plugins.ports.stages import Gate
from pdfsluice.core.plugins.thread_boundary import PartFailed
from pdfsluice.core.testing import MemoryIndex
from tests.support.boundaries import PART, BoundaryFixture

ODD = [
    ZeroDivisionError("/srv/secret"),
    SystemExit(3),
    KeyboardInterrupt(),
    asyncio.CancelledError(),
]


@pytest.fixture
def about() -> BoundaryFixture:
    return BoundaryFixture()


class Raising:
    """Raises in every method of several ports."""

    def __init__(self, error: BaseException, *, leaving: bool = False) -> None:
        self.error = error
        self.leaving = leaving

    async def run(self, context: object) -> None:
        raise self.error

    async def pages(self, path: object, *, first: int = 1) -> AsyncIterator[PageText]:
        yield PageText(first, "")
        raise self.error

    @asynccontextmanager
    async def admit(self, session: object, chunk: object) -> AsyncIterator[None]:
        if not self.leaving:
            raise self.error
        yield
        raise self.error


async def awaited(about: BoundaryFixture, error: BaseException) -> None:
    await about.guarded(Importer, Raising(error)).run(None)


async def iterated(about: BoundaryFixture, error: BaseException) -> None:
    async for page in about.guarded(TextExtractor, Raising(error)).pages(None, first=7):
        assert page.number == 7


async def entered(about: BoundaryFixture, error: BaseException) -> None:
    async with about.guarded(Gate, Raising(error)).admit(None, None):
        pytest.fail("it was entered")


async def left(about: BoundaryFixture, error: BaseException) -> None:
    async with about.guarded(Gate, Raising(error, leaving=True)).admit(None, None):
        pass


async def called(about: BoundaryFixture, error: BaseException) -> None:
    def plain() -> None:
        raise error

    about.boundary.call(plain)


async def called_in_a_thread(about: BoundaryFixture, error: BaseException) -> None:
    def plain() -> None:
        raise error

    await asyncio.to_thread(about.boundary.call_in_thread, plain)


WAYS = [awaited, iterated, entered, left, called, called_in_a_thread]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
async def test_what_a_part_raises_becomes_its_failure(
    about: BoundaryFixture,
    way: Callable[[BoundaryFixture, BaseException], Any],
    error: BaseException,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(PartFailed) as caught:
        await way(about, error)
    assert caught.value.__cause__ is error
    assert "importer 'ocr' of acme-ocr" in caught.value.message
    assert "secret" not in caught.value.message, "a client sees the message"
    assert about.counts.failures == 1
    assert "importer 'ocr' of acme-ocr failed" in caplog.text


@pytest.mark.parametrize("way", WAYS)
async def test_errors_of_pdfsluice_pass(
    about: BoundaryFixture, way: Callable[[BoundaryFixture, BaseException], Any]
) -> None:
    error = NotFound("there is no such page")
    with pytest.raises(NotFound) as caught:
        await way(about, error)
    assert caught.value is error
    assert about.counts.failures == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EMFILE, "too many"), Overloaded),
        (MemoryError(), Overloaded),
        (RuntimeError("can't start new thread"), Overloaded),
        (OSError(errno.ENOSPC, "full"), StorageFull),
    ],
    ids=str,
)
async def test_a_shortage_is_no_defect(
    about: BoundaryFixture, error: BaseException, kind: type[PdfsluiceError]
) -> None:
    with pytest.raises(kind) as caught:
        await awaited(about, error)
    assert caught.value.retryable


async def test_a_cancellation_of_the_caller_passes(about: BoundaryFixture) -> None:
    class Waiting:
        async def run(self, context: object) -> None:
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await about.guarded(Importer, Waiting()).run(None)
    task = asyncio.create_task(about.guarded(Importer, Waiting()).run(None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert about.counts.failures == 0


async def test_what_the_body_of_a_context_raises_passes_unchanged(about: BoundaryFixture) -> None:
    class Open:
        @asynccontextmanager
        async def admit(self, session: object, chunk: object) -> AsyncIterator[None]:
            yield

    error = ValueError("the body's own")
    with pytest.raises(ValueError, match="own") as caught:
        async with about.guarded(Gate, Open()).admit(None, None):
            raise error
    assert caught.value is error
    assert about.counts.failures == 0


async def test_a_context_cannot_suppress_what_its_body_raises(about: BoundaryFixture) -> None:
    class Hushing:
        @asynccontextmanager
        async def admit(self, session: object, chunk: object) -> AsyncIterator[None]:
            with suppress(ValueError):
                yield

    with pytest.raises(ValueError, match="lost"):
        async with about.guarded(Gate, Hushing()).admit(None, None):
            raise ValueError("lost")


async def test_a_part_that_does_not_answer_is_given_up() -> None:
    class Waiting:
        async def run(self, context: object) -> None:
            await asyncio.Event().wait()

    about = BoundaryFixture(timeout_seconds=0.01)
    with pytest.raises(Overloaded, match=r"importer 'ocr' of acme-ocr did not answer within 0\.01"):
        await about.guarded(Importer, Waiting()).run(None)
    assert about.counts.failures == 1


async def test_a_part_that_holds_the_loop_is_named(
    about: BoundaryFixture, caplog: pytest.LogCaptureFixture
) -> None:
    class Busy:
        async def run(self, context: object) -> None:
            about.clock.now += 0.05
            await asyncio.sleep(0)
            about.clock.now += 10
            await asyncio.sleep(0)

    with caplog.at_level(logging.WARNING):
        await about.guarded(Importer, Busy()).run(None)
    assert (about.counts.holds, about.counts.held_seconds) == (1, 10.0)
    assert "importer 'ocr' of acme-ocr held the event loop for 10.00 s" in caplog.text


async def test_each_part_is_charged_for_its_own_time(about: BoundaryFixture) -> None:
    inner = PartCounts()
    name = Part("catalogues", "sql", PART.plugin)
    boundary = Boundary(name, inner, about.loop_clock)

    class Inner:
        async def run(self, context: object) -> None:
            about.clock.now += 1.0

    class Outer:
        async def run(self, context: object) -> None:
            about.clock.now += 0.01
            await guarded_object(Importer, Inner(), boundary).run(None)
            about.clock.now += 0.2

    await about.guarded(Importer, Outer()).run(None)
    assert inner.held_seconds == 1.0
    assert about.counts.held_seconds == pytest.approx(0.21)


def test_attributes_and_what_no_port_names_pass_through(about: BoundaryFixture) -> None:
    class Odd:
        colour = "red"

        def extra(self) -> str:
            return "also here"

    odd = about.guarded(Importer, Odd())
    assert (odd.colour, odd.extra()) == ("red", "also here")


def test_further_methods_are_declared(about: BoundaryFixture) -> None:
    """From Python 3.12 on, ``isinstance`` with a protocol looks at nothing else."""

    class WithPages(MemoryIndex):
        async def add_pages(self, document: Document, pages: Sequence[PageText]) -> None:
            """Make pages searchable."""

    with_pages, plain = (about.guarded(Index, each) for each in (WithPages(), MemoryIndex()))
    assert inspect.getattr_static(with_pages, "add_pages", None) is not None
    assert inspect.getattr_static(plain, "add_pages", None) is None
    assert isinstance(with_pages, PageIndex)
    assert not isinstance(plain, PageIndex)
