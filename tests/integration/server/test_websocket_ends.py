"""The events after the last byte, in the documented order."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from aiohttp import ClientSession

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.servers import Serve

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "websocket.md"
STREAMING = "/api/documents/streaming"
SECONDS = 60


def documented() -> list[list[str]]:
    """Return status and stage of the rows below *The last event*."""
    section = PAGE.read_text(encoding="utf-8").partition("### The last event")[2]
    rows = re.findall(r"\n\| `(\w+)` \| `([\w ]+)` \|", section.partition("\n#")[0])
    return [list(row) for row in rows[1:]]


@pytest.mark.long
async def test_the_last_event_is_the_one_that_is_documented(serve: Serve) -> None:
    server, data = serve(), make_pdf(["Filling a lock takes time."])
    heard: list[list[str]] = []
    async with (
        ClientSession(server.base_url) as http,
        http.ws_connect("/ws/me?detail=full") as socket,
    ):
        opened = {"filename": "a.pdf", "file_size": len(data), "client_id": "me"}
        async with http.post(
            f"{STREAMING}/initiate", json=opened | {"auto_build_index": True}
        ) as response:
            session = (await response.json())["session_id"]
        async with http.put(f"{STREAMING}/chunk/{session}?chunk_id=0", data=data) as response:
            assert response.status == 200
        async with http.post(f"{STREAMING}/complete/{session}") as response:
            assert response.status == 200
        async with asyncio.timeout(SECONDS):
            while not heard or heard[-1][1] != "indexing done":
                event = json.loads((await socket.receive()).data)
                if event["type"] == "upload_status":
                    heard.append([event["status"], event["stage"]])
    after = heard[heard.index(["completed", "completed"]) :]
    once = [each for number, each in enumerate(after) if each not in after[:number]]
    may_be_missing = [row for row in documented() if row[0] == "processing" and row not in once]
    assert once == [row for row in documented() if row not in may_be_missing]
