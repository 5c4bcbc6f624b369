"""A file that ends each worker that reads it is failed, and no other."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.sabotage import write_distribution
from tests.support.servers import RunningServer, Serve
from tests.support.waiting import until

CHUNK = 64 * 1024
PREFIX = "/api/documents/streaming"
WORD = b"@@die "
"""What the saboteur obeys: it kills the process in which the stages run."""


class Client:
    """A client that repeats requests when a worker dies before it answers."""

    def __init__(self, server: RunningServer) -> None:
        self._base_url = server.base_url

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Send a request on a connection of its own until it is answered."""

        async def attempt() -> tuple[int, Any] | None:
            try:
                async with (
                    aiohttp.ClientSession() as http,
                    http.request(method, f"{self._base_url}{path}", **options) as answer,
                ):
                    body = await answer.json(content_type=None)
                    return None if answer.status == 503 else (answer.status, body)
            except aiohttp.ClientError:
                return None

        outcome: tuple[int, Any] | None = await until(attempt, interval=0.1, seconds=60)
        assert outcome is not None
        return outcome

    async def begun(self, data: bytes) -> str:
        """Open an upload; return its id."""
        wanted = {"filename": "a.pdf", "file_size": len(data), "chunk_size": CHUNK}
        status, answer = await self.call("POST", f"{PREFIX}/initiate", json=wanted)
        assert status == 200, answer
        return str(answer["session_id"])

    async def sent(self, session: str, data: bytes, chunk: int) -> int:
        """Send a chunk; return the status of the answer."""
        status, _ = await self.call(
            "PUT",
            f"{PREFIX}/chunk/{session}?chunk_id={chunk}",
            headers={"Content-Type": "application/octet-stream"},
            data=data[chunk * CHUNK : (chunk + 1) * CHUNK],
        )
        return status


@pytest.mark.long
async def test_a_file_that_kills_three_workers_is_failed_and_no_other(
    serve: Serve, tmp_path: Path
) -> None:
    site, marks = tmp_path / "site", tmp_path / "marks"
    marks.mkdir()
    write_distribution(site, "saboteur")
    server = serve(
        arguments=("--workers", "2"),
        environment={"PYTHONPATH": str(site)},
        PDFSLUICE_STAGE_PROCESSES="0",
        PDFSLUICE_INDEX="",
        PDFSLUICE_PLUGINS__SABOTEUR__FOLDER=str(marks),
    )
    client = Client(server)
    innocent = make_pdf(["an innocent neighbour"], noise_per_page=2 * CHUNK)
    deadly = bytearray(make_pdf(["another one"], noise_per_page=2 * CHUNK))
    deadly[CHUNK : CHUNK + len(WORD)] = WORD
    first, second = await client.begun(innocent), await client.begun(bytes(deadly))
    assert await client.sent(first, innocent, 0) == 200
    assert await client.sent(second, bytes(deadly), 0) == 200

    async def refused() -> bool:
        return await client.sent(second, bytes(deadly), 1) != 200

    await until(refused, interval=0.2, seconds=90)
    _, answer = await client.call("GET", f"{PREFIX}/{second}")
    assert (answer["status"], answer["error"]["code"]) == ("failed", "stage-failed"), answer
    assert answer["error"]["message"].startswith("3 servers ended"), answer
    assert server.log_path.read_text().count("is failed: 3 servers ended") == 1
    for chunk in range(1, -(-len(innocent) // CHUNK)):
        assert await client.sent(first, innocent, chunk) == 200
    status, answer = await client.call("POST", f"{PREFIX}/complete/{first}", json={})
    assert status == 200, answer
    assert answer["document"]["sha256"] == await asyncio.to_thread(
        lambda: hashlib.sha256(innocent).hexdigest()
    )
