"""The command ``serve`` as a process: start, refusals to start, ways to stop."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession, WSMsgType

from pdfsluice.core.models.sessions import Scope
from tests.support.commands import pdfsluice
from tests.support.keys import add_key
from tests.support.servers import Serve
from tests.support.shares import share
from tests.support.web import CHUNK, STREAMING, body_of

DATA = bytes(range(256)) * 1024  # four chunks


def refusal(*arguments: str, **environment: str) -> str:
    """Run ``serve`` with what it has to refuse; return its message."""
    done = pdfsluice("serve", *arguments, env={"HOME": "/nonexistent", **environment})
    said = done.out + done.err
    assert done.code in {1, 2}, said
    assert "Traceback" not in said
    return " ".join(said.split())


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        said = refusal("--port", str(port), "--data-dir", str(tmp_path))
    assert f"127.0.0.1:{port} is taken by another program" in said


@pytest.mark.parametrize(
    ("host", "reason", "hint"),
    [
        ("203.0.113.1", "Cannot assign requested address", "No network interface"),
        ("host.invalid", "", "The name has no address"),
    ],
)
def test_an_address_that_is_not_of_this_machine(
    tmp_path: Path, host: str, reason: str, hint: str
) -> None:
    add_key(tmp_path, "ann", [Scope.READ])
    said = refusal("--host", host, "--port", "0", "--data-dir", str(tmp_path))
    assert f"Cannot listen on {host}:0: {reason}" in said
    assert hint in said
    assert "--host" in said


def test_a_folder_that_cannot_be_made_is_explained() -> None:
    said = refusal("--port", "0", "--data-dir", "/proc/pdfsluice")
    assert "Cannot use the folder /proc/pdfsluice: No such file or directory." in said
    assert "--data-dir chooses another" in said


def test_other_addresses_only_with_keys(tmp_path: Path, serve: Serve) -> None:
    said = refusal("--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path))
    assert "Without API keys the server listens on loopback only" in said
    assert "pdfsluice keys add" in said
    add_key(tmp_path, "ann", [Scope.READ])
    server = serve(data_dir=tmp_path, arguments=("--host", "0.0.0.0"))
    assert "API keys are required" in server.log_tail()


def test_a_setting_that_is_wrong(tmp_path: Path) -> None:
    said = refusal("--data-dir", str(tmp_path), STREAMING_CHUNK_SIZE_MB="many")
    assert "STREAMING_CHUNK_SIZE_MB" in said
    said = refusal("--data-dir", str(tmp_path), PDFSLUICE_UPLOAD_STORE="cloud")
    assert "No plugin registered 'cloud' among the upload stores" in said


def test_a_data_directory_has_one_server(serve: Serve) -> None:
    server = serve()
    said = refusal("--port", "0", "--data-dir", str(server.data_dir))
    assert "Another server uses the folder" in said


@pytest.mark.parametrize(
    "variable", share(["STREAMING_UPLOAD_DIR", "STREAMING_STATE_DIR"], every=2)
)
def test_two_servers_share_no_folder(tmp_path: Path, serve: Serve, variable: str) -> None:
    """The second would delete what the first has acknowledged."""
    shared: dict[str, Any] = {variable: str(tmp_path / "shared")}
    serve(**shared)
    said = refusal("--port", "0", "--data-dir", str(tmp_path / "other"), **shared)
    assert f"Another server uses the folder {tmp_path / 'shared'}" in said


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    said = refusal("--port", "0", "--data-dir", str(tmp_path / "file"))
    assert "it is a file, not a folder" in said


def test_what_it_prints_when_it_starts(serve: Serve) -> None:
    server = serve()
    lines = server.log_tail().splitlines()
    (greeting,) = (line for line in lines if f"listens on {server.base_url}" in line)
    assert "no key is needed on this machine" in greeting


async def _initiate(http: ClientSession) -> dict[str, Any]:
    wanted = {
        "filename": "a.pdf",
        "file_size": len(DATA),
        "chunk_size": CHUNK,
        "client_id": "me",
    }
    async with http.post(f"{STREAMING}/initiate", json=wanted) as response:
        return await body_of(response)


async def test_it_stops_in_order_and_continues_from_there(serve: Serve) -> None:
    """A request under way is finished or cut with its bytes kept."""
    server = serve(PDFSLUICE_SHUTDOWN_GRACE="1s")
    async with ClientSession(server.base_url) as http:
        session = await _initiate(http)
        watcher = await http.ws_connect("/ws/me?detail=full")
        url = f"{session['upload_url']}?chunk_id=0"
        async with http.put(url, data=DATA[:CHUNK]) as response:
            assert response.status == 200
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            f"PUT {session['upload_url']}?chunk_id=1 HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {CHUNK}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
            + DATA[CHUNK : CHUNK + 1000]
        )
        async with asyncio.timeout(60):  # the stalled request has been taken up
            while True:
                async with http.get(f"{STREAMING}/{session['session_id']}") as response:
                    if (await body_of(response))["received_bytes"] == CHUNK + 1000:
                        break
                await asyncio.sleep(0.05)
        stopped = asyncio.create_task(asyncio.to_thread(server.stop))
        said = []
        async with asyncio.timeout(60):
            while (message := await watcher.receive()).type is WSMsgType.TEXT:
                said.append(json.loads(message.data)["type"])
        assert "server_closing" in said
        assert await stopped == 0
        with pytest.raises(ClientConnectionError):
            await http.get("/health")
        writer.close()
    assert "Traceback" not in server.log_tail()
    server.start()
    async with (
        ClientSession(server.base_url) as http,
        http.get(f"{STREAMING}/{session['session_id']}") as response,
    ):
        status = await body_of(response)
    assert status["missing_ranges"][-1][1] == len(DATA)
    assert status["durable_bytes"] in {CHUNK, CHUNK + 1000}


async def test_no_key_reaches_the_log(tmp_path: Path, serve: Serve) -> None:
    header = add_key(tmp_path, "ann", [Scope.UPLOAD])
    key = header["Authorization"].removeprefix("Bearer ")
    server = serve(data_dir=tmp_path, arguments=("--log-level", "debug", "--log-format", "json"))
    async with ClientSession(server.base_url, headers=header) as http:
        session = await _initiate(http)
        async with http.get(f"/api/documents?key={key}"):
            pass
        watcher = await http.ws_connect("/ws/me", protocols=("pdfsluice.v1", f"bearer.{key}"))
        await watcher.close()
    server.stop()
    log = server.log_tail()
    assert key not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    opened = next(line for line in lines if line["message"] == "upload opened")
    assert opened["session_id"] == session["session_id"]
    assert opened["request_id"]
    assert opened["logger"] == "pdfsluice.core.uploads.service"
