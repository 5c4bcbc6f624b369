"""What the client makes of servers that are not pdfsluice, or that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from aiohttp import web

from pdfsluice.client import (
    Client,
    ClientError,
    UnexpectedAnswer,
    Unreachable,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def foreign(handler: Handler) -> AsyncIterator[str]:
    """Run a server that answers everything with a handler; yield its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def error_of(handler: Handler) -> ClientError:
    async with foreign(handler) as address, Client(address) as client:
        with pytest.raises(ClientError) as caught:
            await client.info()
    return caught.value


async def test_a_web_page_is_not_an_answer() -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<h1>Hello</h1>", content_type="text/html")

    assert isinstance(await error_of(page), UnexpectedAnswer)


async def test_json_of_another_shape_names_what_is_missing() -> None:
    async def other(_request: web.Request) -> web.Response:
        return web.json_response({"name": "something else"})

    error = await error_of(other)
    assert isinstance(error, UnexpectedAnswer)
    assert "version" in error.message


async def test_redirects_are_not_followed() -> None:
    asked: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPFound("/elsewhere")

    error = await error_of(redirect)
    assert (error.status, asked) == (302, ["/api/info"])


async def test_a_proxy_that_is_sorry_can_be_asked_again() -> None:
    async def sorry(_request: web.Request) -> web.Response:
        return web.Response(status=502, text="Bad gateway", headers={"Retry-After": "7"})

    error = await error_of(sorry)
    assert (error.retryable, error.retry_after) == (True, 7.0)


async def test_retry_after_may_be_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=60)

    async def sorry(_request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": format_datetime(moment)})

    error = await error_of(sorry)
    assert error.retry_after is not None
    assert 50 < error.retry_after <= 60


@pytest.mark.parametrize("nonsense", ["soon", "\N{SUPERSCRIPT TWO}"])
async def test_nonsense_in_retry_after_is_ignored(nonsense: str) -> None:
    async def sorry(_request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": nonsense})

    assert (await error_of(sorry)).retry_after is None


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def error_of_talk(talk: Talk, *, timeout: float = 10) -> ClientError:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)
        writer.transport.abort()
        ended.set()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        async with Client(f"http://127.0.0.1:{port}", timeout=timeout) as client:
            with pytest.raises(ClientError) as caught:
                await client.info()
        await ended.wait()
    return caught.value


async def test_silence_ends() -> None:
    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client has given up

    error = await error_of_talk(silence, timeout=0.1)
    assert isinstance(error, Unreachable)
    assert "does not answer" in error.message


async def test_what_is_not_http_is_no_answer() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()

    error = await error_of_talk(greet)
    assert isinstance(error, UnexpectedAnswer)
    assert "does not answer in HTTP" in error.message


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://host", "", "http://"])
def test_addresses_are_checked_immediately(address: str) -> None:
    with pytest.raises(ValueError, match="not the address of a server"):
        Client(address)


@pytest.mark.parametrize("key", ["pdfsluice_a\n", "pdfsluice_é", "pdfsluice_\0"])
def test_keys_are_checked_immediately(key: str) -> None:
    with pytest.raises(ValueError, match="no key has"):
        Client("http://127.0.0.1:8000", api_key=key)


async def test_the_end_of_an_import_is_asked_for_less_and_less_often() -> None:
    """A waiting ``upload --index`` asks a few times at first, then every two seconds."""
    asked: list[float] = []

    async def under_way(_request: web.Request) -> web.Response:
        asked.append(asyncio.get_running_loop().time())
        state = "running" if len(asked) < 5 else "done"
        answer = {"document_id": 1, "import_status": state, "index_status": state}
        return web.json_response(answer)

    async with foreign(under_way) as address, Client(address) as client:
        await client.settled(1)
    pauses = [after - before for before, after in pairwise(asked)]
    assert len(pauses) == 4
    assert all(pause >= 0.24 * 1.5**number for number, pause in enumerate(pauses))
