"""Servers inside the test process, on real sockets and with real stores."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import ClientResponse, ClientSession, FormData, TCPConnector, web

from pdfsluice import config
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.app import open_app
from pdfsluice.server.app_keys import RUNTIME
from pdfsluice.server.logs import AccessLogger
from pdfsluice.server.transport.connection import Runner
from tests.support.runtimes import IN_PROCESS, STORES, Watchman, manager_with

STREAMING = "/api/documents/streaming"
KIB = 1024
CHUNK = 64 * KIB
"""The least chunk size that the server settles on."""


@dataclass(frozen=True)
class WebServer:
    """A running server and a client for it.

    Attributes:
        http: Follows no redirects and sends no credentials of its own.
    """

    base_url: str
    port: int
    app: web.Application
    runtime: Runtime
    http: ClientSession

    async def initiate(self, data: bytes, **changes: Any) -> dict[str, Any]:
        """Open a session for the given bytes with chunks of 64 KiB."""
        wanted = {"filename": "test.pdf", "file_size": len(data), "chunk_size": CHUNK}
        async with self.http.post(f"{STREAMING}/initiate", json=wanted | changes) as response:
            assert response.status == 200, await response.text()
            return await body_of(response)

    async def put(self, session_id: str, data: bytes, chunk_id: int) -> dict[str, Any]:
        """Send one chunk of ``data`` as it is."""
        piece = data[chunk_id * CHUNK : (chunk_id + 1) * CHUNK]
        async with self.http.put(
            f"{STREAMING}/chunk/{session_id}?chunk_id={chunk_id}", data=piece
        ) as response:
            assert response.status == 200, await response.text()
            return await body_of(response)

    async def upload(self, data: bytes, **changes: Any) -> dict[str, Any]:
        """Upload a file; return its document."""
        session = await self.initiate(data, **changes)
        for chunk_id in range(session["total_chunks"]):
            await self.put(session["session_id"], data, chunk_id)
        async with self.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
            assert response.status == 200, await response.text()
            document: dict[str, Any] = (await body_of(response))["document"]
            return document

    async def delete_documents(self) -> None:
        """Delete all documents."""
        while documents := await self._documents():
            for document in documents:
                async with self.http.delete(f"/api/documents/{document['id']}") as response:
                    assert response.ok, await response.text()

    async def _documents(self) -> list[dict[str, Any]]:
        async with self.http.get("/api/documents") as response:
            documents: list[dict[str, Any]] = (await body_of(response))["documents"]
            return documents

    async def status(self, session_id: str) -> dict[str, Any]:
        """Return a session."""
        async with self.http.get(f"{STREAMING}/{session_id}") as response:
            assert response.status == 200, await response.text()
            return await body_of(response)


@asynccontextmanager
async def a_server(
    folder: Path,
    *plugins: object,
    built_in: Sequence[str] = (*STORES, "api_keys"),
    watchman: Watchman | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
    **settings: Any,
) -> AsyncIterator[WebServer]:
    """Run a server whose data is in ``folder``; running it again is a restart."""
    manager = manager_with(watchman or Watchman(), *plugins, built_in=built_in)
    given = {**IN_PROCESS, "data_dir": folder, "policy": "watchman", "min_free_space": 0}
    loaded = config.load(
        sections={spec.name: spec.model for _, spec in manager.options()},
        environment=environment,
        command_line=given | settings,
    )
    async with serving(loaded, manager) as server:
        yield server


@asynccontextmanager
async def serving(loaded: config.Loaded, manager: PluginManager) -> AsyncIterator[WebServer]:
    """Run a server with the given settings and plugins on a free port."""
    async with open_app(loaded, manager) as app:
        root_path = loaded.settings.root_path
        runner = Runner(app, access_log=AccessLogger, shutdown_timeout=0.5, root_path=root_path)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = runner.addresses[0][1]
            base_url = f"http://127.0.0.1:{port}"
            async with ClientSession(base_url, connector=TCPConnector(limit=0)) as http:
                yield WebServer(base_url, port, app, app[RUNTIME], http)
        finally:
            await runner.cleanup()


def chunk_form(data: bytes, **fields: str) -> FormData:
    """Return a chunk as the documented form, the file last."""
    form = FormData()
    for name, value in fields.items():
        form.add_field(name, value)
    form.add_field("file", data, filename="chunk")
    return form


def sha256(data: bytes) -> str:
    """Return a SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


async def body_of(response: ClientResponse) -> dict[str, Any]:
    """Return a JSON object, whatever its media type."""
    body = await response.json(content_type=None)
    assert isinstance(body, dict)
    return body


async def problem_of(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a complete problem; return it."""
    problem = await body_of(response)
    assert (response.status, problem.get("code")) == (status, code), problem
    assert response.content_type == "application/problem+json"
    assert problem.keys() == {
        "type", "title", "status", "detail", "code", "hint", "details", "success", "message",
        "request_id",
    }  # fmt: skip
    assert problem["status"] == status
    assert problem["success"] is False
    assert problem["message"] == problem["detail"] != ""
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert "Traceback" not in problem["detail"]
    return problem
