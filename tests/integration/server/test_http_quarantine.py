"""The quarantine over HTTP: what administrators see in it and delete."""

import asyncio
from pathlib import Path
from typing import Any

from pdfsluice.core.findings import Decision
from tests.support.runtimes import Watchman
from tests.support.web import STREAMING, WebServer, a_server, body_of, problem_of

BAD = b"%PDF-1.7 FORBIDDEN " + bytes(1000)


async def quarantined(web: WebServer) -> dict[str, Any]:
    """Upload a file that goes to quarantine; return its session."""
    session = await web.initiate(BAD)
    async with web.http.put(f"{session['upload_url']}?chunk_id=0", data=BAD):
        pass
    async with asyncio.timeout(60):
        while True:
            status = await web.status(session["session_id"])
            if status["quarantined"]:
                return status
            await asyncio.sleep(0.02)


async def test_an_administrator_deletes_a_file_in_quarantine(tmp_path: Path) -> None:
    async with a_server(tmp_path, watchman=Watchman(decision=Decision.QUARANTINE)) as web:
        session = await quarantined(web)
        assert list(tmp_path.rglob("*.quarantined"))
        one = f"{STREAMING}/{session['session_id']}"
        async with web.http.delete(one) as response:
            assert response.status == 200, await response.text()
            answer = await body_of(response)
        assert answer["success"] is True
        assert answer["status"] == "rejected"
        assert answer["message"] == "The file in quarantine is deleted; the upload stays refused."
        assert not list(tmp_path.rglob("*.quarantined"))
        assert (await web.status(session["session_id"]))["quarantined"] is False
        async with web.http.delete(one) as response:
            await problem_of(response, 409, "state-conflict")
