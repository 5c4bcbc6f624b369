"""The server's event loop and its site, with real sockets."""

import asyncio
import os
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest
from aiohttp import ClientSession, web

from pdfsluice.core.processes.cpu_affinity import share_out
from pdfsluice.server.transport.event_loop import (
    FairEventLoop,
    FairSite,
    Turns,
    new_event_loop,
)
from tests.support.servers import Serve

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has epoll")

CROWD = 100
FEW = 16


@pytest.fixture
def loop() -> Iterator[FairEventLoop]:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        made = runner.get_loop()
        assert isinstance(made, FairEventLoop)
        yield made


def test_a_turn_deals_with_few_sockets_and_every_one_has_its_turn(loop: FairEventLoop) -> None:
    """All are ready all the time, because no callback reads the bytes."""
    heard: Counter[int] = Counter()
    most = 0

    async def listen() -> None:
        nonlocal most
        for _ in range(CROWD):
            before = heard.total()
            await asyncio.sleep(0)  # one turn
            most = max(most, heard.total() - before)

    with ExitStack() as stack:
        for number in range(CROWD):
            near, far = (stack.enter_context(end) for end in socket.socketpair())
            far.send(b"!")
            loop.add_reader(near, heard.update, [number])
            stack.callback(loop.remove_reader, near)
        loop.run_until_complete(listen())
    assert most == FEW
    assert len(heard) == CROWD
    assert max(heard.values()) - min(heard.values()) <= 1


def test_turns_are_timed(loop: FairEventLoop) -> None:
    async def stand_still() -> None:
        await asyncio.sleep(0.01)
        time.sleep(0.06)  # this is what is to be noticed
        await asyncio.sleep(0.01)

    loop.run_until_complete(stand_still())
    long = sum(
        count
        for bound, count in zip((*Turns.BOUNDS, float("inf")), loop.turns.counts, strict=True)
        if bound > 0.05
    )
    assert long >= 1
    assert loop.turns.seconds >= 0.06


def test_more_may_wait_than_are_accepted_at_a_time(loop: FairEventLoop) -> None:
    """No connection of a crowd is refused while the loop is busy."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="here")

    async def meet(stack: ExitStack) -> None:
        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await FairSite(runner, "127.0.0.1", 0).start()
        # All connect before one is accepted: the loop does nothing else meanwhile.
        crowd = [
            stack.enter_context(socket.create_connection(runner.addresses[0], timeout=10))
            for _ in range(CROWD)
        ]
        for visitor in crowd:
            visitor.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        for visitor in crowd:
            assert b"here" in await asyncio.to_thread(_read, visitor)
        await runner.cleanup()

    with ExitStack() as stack:
        loop.run_until_complete(meet(stack))


def _read(visitor: socket.socket) -> bytes:
    said = b""
    while more := visitor.recv(1000):
        said += more
    return said


async def test_the_server_reports_how_long_its_turns_took(serve: Serve) -> None:
    async with ClientSession(serve().base_url) as http, http.get("/metrics") as response:
        text = await response.text()
    name = "pdfsluice_event_loop_turn_seconds"
    buckets = re.findall(rf'^{name}_bucket{{le="(\S+)"}} (\S+)$', text, re.MULTILINE)
    assert [bound for bound, _ in buckets] == [*map(str, Turns.BOUNDS), "+Inf"]
    (count,) = re.findall(rf"^{name}_count (\S+)$", text, re.MULTILINE)
    assert 0 < float(buckets[0][1]) <= float(buckets[-1][1]) == float(count)


@pytest.mark.long
@pytest.mark.parametrize("sharing", ["apart", "shared"])
def test_server_and_stage_process_keep_to_their_processors(serve: Serve, sharing: str) -> None:
    usable = os.sched_getaffinity(0)
    shares = share_out(usable, "apart" if sharing == "apart" else "shared")
    server = serve(PDFSLUICE_PROCESSORS=sharing, PDFSLUICE_STAGE_PROCESSES="1")
    assert server.process is not None
    found = psutil.Process(server.process.pid)
    (stages,) = found.children()
    mine = {frozenset(os.sched_getaffinity(thread.id)) for thread in found.threads()}
    assert mine == {frozenset(usable if shares is None else shares.server)}
    theirs = {frozenset(os.sched_getaffinity(thread.id)) for thread in stages.threads()}
    assert theirs == {frozenset(usable if shares is None else shares.apart)}
