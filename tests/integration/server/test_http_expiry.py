"""When an unfinished upload expires: the reported time moves with every byte."""

import sqlite3
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from tests.support.web import CHUNK, WebServer, a_server

DATA = bytes(2 * CHUNK)
TIMEOUT = timedelta(hours=24)
EARLIER = timedelta(hours=20)


def bring_forward(folder: Path) -> None:
    """Let the stored times be those of an upload that was opened some hours ago."""
    (database,) = folder.rglob("pdfsluice.db")
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE sessions SET expires_at = expires_at - ?, created_at = created_at - ?",
            [EARLIER / timedelta(microseconds=1)] * 2,
        )
    connection.close()


async def told(web: WebServer, session_id: str) -> tuple[datetime, datetime, timedelta]:
    """Return the expiry of the interface and of tus, and the rest of the draft's age."""
    status = await web.status(session_id)
    async with web.http.head(
        f"/files/{session_id}", headers={"Tus-Resumable": "1.0.0"}
    ) as response:
        tus = parsedate_to_datetime(response.headers["Upload-Expires"])
    async with web.http.head(f"/resumable/{session_id}") as response:
        limits = dict(
            item.strip().split("=", 1) for item in response.headers["Upload-Limit"].split(",")
        )
    idle_since = datetime.fromisoformat(status["updated_at"])
    assert datetime.fromisoformat(status["expires_at"]) == idle_since + TIMEOUT
    return idle_since + TIMEOUT, tus, timedelta(seconds=int(limits["max-age"]))


async def test_what_is_published_advances(tmp_path: Path) -> None:
    async with a_server(tmp_path, session_timeout="24h") as web:
        session_id = (await web.initiate(DATA))["session_id"]
    bring_forward(tmp_path)
    async with a_server(tmp_path, session_timeout="24h") as web:
        await web.put(session_id, DATA, 0)
        expires, tus, left = await told(web, session_id)
    assert tus == expires.replace(microsecond=0)
    assert left > TIMEOUT - EARLIER
    assert left <= TIMEOUT
