"""Bad links between client and server: silence, breaks, doubled requests."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.fault_proxy import (
    Cut,
    Duplicate,
    Fault,
    FaultProxy,
    HoldBack,
    LoseAnswer,
    Stall,
    Trickle,
    fault_proxy,
)
from tests.support.servers import RunningServer, Serve
from tests.support.stored import documents_of

VERSION = {"Tus-Resumable": "1.0.0"}
PATCH = {**VERSION, "Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=1_000_000)


class Line:
    """A client with a connection of its own for each request."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str) -> None:
        self.http = http
        self.base_url = base_url

    async def create(self, pdf: bytes) -> str:
        headers = {**VERSION, "Upload-Length": str(len(pdf))}
        async with self.http.post(f"{self.base_url}/files", headers=headers) as response:
            return f"/files/{response.headers['Location'].rpartition('/')[2]}"

    async def offset(self, path: str) -> int:
        async with self.http.head(f"{self.base_url}{path}", headers=VERSION) as response:
            return int(response.headers["Upload-Offset"])

    async def patch(self, path: str, offset: int, data: bytes, *, via: str = "") -> int:
        url = f"{via or self.base_url}{path}"
        headers = {**PATCH, "Upload-Offset": str(offset)}
        async with self.http.patch(url, headers=headers, data=data) as response:
            await response.read()
            return response.status


@pytest.fixture
async def line(server: RunningServer) -> AsyncIterator[Line]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
        yield Line(http, server.base_url)


async def finish(line: Line, path: str, pdf: bytes) -> None:
    """Continue as a client would that knows only what the server reports."""
    async with asyncio.timeout(60):
        while (offset := await line.offset(path)) < len(pdf):
            with contextlib.suppress(aiohttp.ClientError):  # an impatient server may cut again
                await line.patch(path, offset, pdf[offset:])
    found = await asyncio.to_thread(documents_of, line.base_url, pdf)
    assert len(found) == 1


def same(fault: Fault) -> Callable[[int], Fault]:
    return lambda _: fault


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("after", [1, 200, 5_000, 300_000, 900_000])
async def test_cut(
    server: RunningServer, line: Line, pdf: bytes, after: int, *, reset: bool
) -> None:
    path = await line.create(pdf)
    async with fault_proxy(server.port, same(Cut(after, reset=reset))) as proxy:
        with pytest.raises(aiohttp.ClientError):
            await line.patch(path, 0, pdf, via=proxy.base_url)
    assert await line.offset(path) <= after
    await finish(line, path, pdf)


async def test_lines_that_break_all_the_time_still_make_progress(
    server: RunningServer, line: Line, pdf: bytes
) -> None:
    """Every connection breaks after 150 kB, less than any chunk or buffer."""
    path = await line.create(pdf)
    async with fault_proxy(server.port, same(Cut(150_000))) as proxy:
        for _ in range(30):
            offset = await line.offset(path)
            if offset == len(pdf):
                break
            with contextlib.suppress(aiohttp.ClientError):
                await line.patch(path, offset, pdf[offset:], via=proxy.base_url)
                break
            await until_settled(line, path)
    assert proxy.connections < 30
    await finish(line, path, pdf)


async def until_settled(line: Line, path: str) -> None:
    """Wait until the server has taken in what a broken request left in its buffers."""
    seen = -1
    while (offset := await line.offset(path)) != seen:
        seen = offset
        await asyncio.sleep(0.05)


async def test_dead_connection_does_not_lock_the_upload(
    server: RunningServer, line: Line, pdf: bytes
) -> None:
    """The client continues over another link while the server waits on the first."""
    path = await line.create(pdf)
    fault = Stall(after=600_000)
    async with fault_proxy(server.port, same(fault)) as proxy:
        silent = asyncio.create_task(line.patch(path, 0, pdf, via=proxy.base_url))
        await fault.stalled.wait()
        await finish(line, path, pdf)
        silent.cancel()
        await asyncio.gather(silent, return_exceptions=True)


async def test_lost_answer_of_the_last_byte(server: RunningServer, line: Line, pdf: bytes) -> None:
    path = await line.create(pdf)
    async with fault_proxy(server.port, same(LoseAnswer())) as proxy:
        with pytest.raises(aiohttp.ClientError):
            await line.patch(path, 0, pdf, via=proxy.base_url)
    assert await line.offset(path) == len(pdf)
    await finish(line, path, pdf)


async def test_doubled_request(server: RunningServer, line: Line, pdf: bytes) -> None:
    """A proxy repeats a request that was done: a conflict, and no byte twice."""
    path = await line.create(pdf)
    fault = Duplicate()
    async with fault_proxy(server.port, same(fault)) as proxy:
        assert await line.patch(path, 0, pdf[:400_000], via=proxy.base_url) == 204
        await fault.repeated.wait()
    assert b" 409 " in fault.answer.splitlines()[0]
    assert await line.offset(path) == 400_000
    await finish(line, path, pdf)


async def test_late_request_arrives_after_its_repetition(
    server: RunningServer, line: Line, pdf: bytes
) -> None:
    path = await line.create(pdf)
    fault = HoldBack()
    async with fault_proxy(server.port, same(fault)) as proxy:
        late = asyncio.create_task(line.patch(path, 0, pdf[:400_000], via=proxy.base_url))
        await fault.held.wait()
        assert await line.patch(path, 0, pdf[:700_000]) == 204
        fault.release.set()
        assert await late == 409
    await finish(line, path, pdf)


async def test_two_simultaneous_clients_never_mix(
    server: RunningServer, line: Line, pdf: bytes
) -> None:
    """The newer request takes over; what both sent is the same file, once."""
    path = await line.create(pdf)
    answers = await asyncio.gather(
        *(line.patch(path, 0, pdf) for _ in range(4)), return_exceptions=True
    )
    assert all(isinstance(each, aiohttp.ClientError) or each in {204, 409} for each in answers)
    await finish(line, path, pdf)


async def test_two_different_files_in_one_upload(
    server: RunningServer, line: Line, pdf: bytes
) -> None:
    other = b"X" * len(pdf)
    path = await line.create(pdf)
    await line.patch(path, 0, pdf[:500_000])
    answers = await asyncio.gather(
        line.patch(path, 500_000, pdf[500_000:600_000]),
        line.patch(path, 0, other),
        return_exceptions=True,
    )
    assert answers[1] == 409
    await finish(line, path, pdf)


@pytest.fixture(scope="module")
def impatient(serve_module: Serve) -> RunningServer:
    return serve_module(PDFSLUICE_BODY_IDLE_TIMEOUT="500ms", PDFSLUICE_BODY_MINIMUM_RATE="1MiB")


class TestSlowness:
    """Limits on silence and on rate; one server whose patience is short."""

    @pytest.mark.parametrize(
        "fault",
        [Stall(after=300_000), Stall(after=1_000), Trickle(after=300_000)],
        ids=["silent", "silent from the start", "trickling"],
    )
    async def test_slow_body_is_ended_and_what_came_is_kept(
        self, impatient: RunningServer, pdf: bytes, fault: Fault
    ) -> None:
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as http:
            line = Line(http, impatient.base_url)
            path = await line.create(pdf)
            async with fault_proxy(impatient.port, same(fault)) as proxy:
                status = await _status_or_break(line, path, pdf, proxy)
            assert status in {503, None}
            assert await line.offset(path) > 0
            await finish(line, path, pdf)


async def _status_or_break(line: Line, path: str, pdf: bytes, proxy: FaultProxy) -> int | None:
    try:
        async with asyncio.timeout(60):
            return await line.patch(path, 0, pdf, via=proxy.base_url)
    except aiohttp.ClientError:
        return None
