"""The quarantine over HTTP: what administrators see in it and delete."""

import asyncio
from pathlib import Path
from typing import Any

from pdfsluice.core.models.findings import Decision
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


async def test_the_list_is_paged_newest_first(tmp_path: Path) -> None:
    async with a_server(tmp_path, watchman=Watchman(decision=Decision.QUARANTINE)) as web:
        made = [(await quarantined(web))["session_id"] for _ in range(5)]
        found: list[str] = []
        after: str | None = None
        for size in (2, 2, 1):
            query = {"limit": "2"} | ({"after": after} if after else {})
            async with web.http.get(f"{STREAMING}/quarantine", params=query) as response:
                assert response.status == 200, await response.text()
                page = await body_of(response)
            assert len(page["uploads"]) == size
            found += [upload["session_id"] for upload in page["uploads"]]
            after = page["next"]
        assert after is None
        assert found == made[::-1]
        async with web.http.get(f"{STREAMING}/quarantine") as response:
            whole = await body_of(response)
        assert ([each["session_id"] for each in whole["uploads"]], whole["next"]) == (found, None)
        for wrong in ("limit=0", "limit=501", "colour=red"):
            async with web.http.get(f"{STREAMING}/quarantine?{wrong}") as response:
                await problem_of(response, 400, "bad-request")
        async with web.http.get(f"{STREAMING}/quarantine?after=x") as response:
            await problem_of(response, 404, "session-not-found")
