"""A WebSocket lives no longer than the access of its caller."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from pdfsluice.core.errors import AuthenticationError, StorageFailed
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.access import AuthenticatorSpec, Credentials
from pdfsluice.core.plugins.ports.context import PluginContext
from tests.support.waiting import until
from tests.support.web import a_server, problem_of

ANN = Principal(id="ann", name="ann", scopes=frozenset(Scope))
HEARTBEAT = 0.1


async def admit() -> Principal:
    return ANN


async def refuse() -> Principal:
    raise AuthenticationError("the key is not valid")


async def raise_foreign() -> Principal:
    raise ZeroDivisionError("a defect of the plugin")


async def raise_own() -> Principal:
    raise StorageFailed("the keys cannot be read")


async def cancel_itself() -> Principal:
    raise asyncio.CancelledError


async def never_return() -> Principal:
    await asyncio.Event().wait()
    return ANN


class Door:
    """An authenticator that takes prepared steps.

    Attributes:
        steps: What it does at the next requests; the last is repeated.
        asked: How often it was asked.
    """

    enforced = True

    def __init__(self) -> None:
        self.steps: list[Callable[[], Awaitable[Principal]]] = [admit]
        self.asked = 0

    @hookimpl
    def pdfsluice_register_authenticators(
        self, context: PluginContext
    ) -> Sequence[AuthenticatorSpec]:
        del context
        return [AuthenticatorSpec(name="door", authenticator=self)]

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        del credentials
        self.asked += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return await step()


@pytest.mark.parametrize("failure", [raise_foreign, raise_own, cancel_itself])
async def test_the_guard_survives_one_failure_and_closes_when_the_key_is_void(
    tmp_path: Path, failure: Callable[[], Awaitable[Principal]]
) -> None:
    door = Door()
    async with a_server(tmp_path, door, websocket_heartbeat=HEARTBEAT) as web:
        socket = await web.http.ws_connect("/ws/me")
        door.steps = [failure, admit, failure, refuse]
        async with asyncio.timeout(30):
            message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 4401)


@pytest.mark.parametrize("failure", [raise_foreign, raise_own, cancel_itself])
async def test_access_that_cannot_be_confirmed_ends(
    tmp_path: Path, failure: Callable[[], Awaitable[Principal]]
) -> None:
    door = Door()
    async with a_server(tmp_path, door, websocket_heartbeat=HEARTBEAT) as web:
        socket = await web.http.ws_connect("/ws/me")
        door.steps = [failure]
        async with asyncio.timeout(30):
            message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1011)


async def test_the_server_closes_in_order_while_an_authenticator_hangs(tmp_path: Path) -> None:
    door = Door()
    async with a_server(tmp_path, door, websocket_heartbeat=HEARTBEAT) as web:
        socket = await web.http.ws_connect("/ws/me")
        door.steps = [never_return]
        async with asyncio.timeout(30):
            await until(lambda: door.asked >= 2)
            await socket.close()


async def test_one_principal_has_a_bounded_number_of_websockets(tmp_path: Path) -> None:
    most = 5
    async with a_server(tmp_path, max_websockets=most) as web:
        sockets = [await web.http.ws_connect("/ws/me") for _ in range(most)]
        with pytest.raises(WSServerHandshakeError) as refused:
            await web.http.ws_connect("/ws/me")
        assert refused.value.status == 429
        assert refused.value.headers is not None
        assert int(refused.value.headers["Retry-After"]) > 0
        await sockets.pop().close()
        async with asyncio.timeout(30):
            while True:
                try:
                    sockets.append(await web.http.ws_connect("/ws/me"))
                    break
                except WSServerHandshakeError:
                    await asyncio.sleep(0.05)
        async with web.http.get("/ws/me") as response:
            await problem_of(response, 400, "bad-request")  # counts for nothing
        await asyncio.gather(*(socket.close() for socket in sockets))
