"""The interface against its own description, with schemathesis."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.web import WebServer, a_server


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a thread of its own: the requests come from this one."""
    started = threading.Event()
    found: list[str] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run(folder: Path) -> None:
        async with a_server(folder) as web:
            await _fill(web)
            end = asyncio.Event()
            stop.append((asyncio.get_running_loop(), end))
            found.append(web.base_url)
            started.set()
            await end.wait()

    thread = threading.Thread(
        target=asyncio.run, args=(run(tmp_path_factory.mktemp("described")),), daemon=True
    )
    thread.start()
    assert started.wait(30)
    yield found[0]
    loop, end = stop[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(30)


async def _fill(web: WebServer) -> None:
    """Have documents and sessions that requests may hit."""
    for number in range(3):
        await web.upload(bytes(1000 + number))


# The server's thread uses the module while hypothesis looks whether a strategy has.
@pytest.mark.long
@pytest.mark.hypothesis
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_the_server_keeps_its_word(address: str) -> None:
    from tests.support.described import (  # noqa: PLC0415 - schemathesis takes long to import
        check_operations,
    )

    check_operations(address)
