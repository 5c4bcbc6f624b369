"""A finished upload whose document was deleted is gone in every protocol."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.web import STREAMING, WebServer, a_server, problem_of

DATA = b"%PDF-1.7 " + bytes(70_000)
TUS = {"Tus-Resumable": "1.0.0"}


async def uploaded(web: WebServer) -> str:
    """Upload a file, delete its document, and return the id of the session."""
    session = await web.initiate(DATA)
    session_id: str = session["session_id"]
    for chunk_id in range(session["total_chunks"]):
        await web.put(session_id, DATA, chunk_id)
    async with web.http.post(f"{STREAMING}/complete/{session_id}") as response:
        document = (await response.json())["document"]["id"]
    async with web.http.head(f"/files/{session_id}", headers=TUS) as response:
        assert response.status == 200
        assert response.headers["Content-Location"] == f"/api/documents/{document}"
    async with web.http.delete(f"/api/documents/{document}") as response:
        assert response.status == 204
    return session_id


@pytest.mark.parametrize("restarted", [False, True])
async def test_no_protocol_calls_it_complete(tmp_path: Path, restarted: bool) -> None:
    async with a_server(tmp_path) as web:
        session_id = await uploaded(web)
        if not restarted:
            await check(web, session_id)
    if restarted:
        async with a_server(tmp_path) as web:
            await check(web, session_id)


async def check(web: WebServer, session_id: str) -> None:
    size = str(len(DATA))
    patch = {"Upload-Offset": size, "Content-Type": "application/offset+octet-stream"}
    append = {
        "Upload-Offset": size,
        "Upload-Complete": "?1",
        "Content-Type": "application/partial-upload",
    }
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("HEAD", f"/files/{session_id}", TUS),
        ("PATCH", f"/files/{session_id}", TUS | patch),
        ("HEAD", f"/resumable/{session_id}", {}),
        ("PATCH", f"/resumable/{session_id}", append),
        ("GET", f"{STREAMING}/{session_id}", {}),
        ("PUT", f"{STREAMING}/chunk/{session_id}?chunk_id=0", {}),
        ("POST", f"{STREAMING}/complete/{session_id}", {}),
    ]
    for method, path, headers in requests:
        async with web.http.request(method, path, headers=headers) as response:
            if method == "HEAD":
                assert response.status == 410, path
            else:
                await problem_of(response, 410, "document-deleted")
    body = {"session_id": session_id}
    async with web.http.post(f"{STREAMING}/resume", json=body) as response:
        await problem_of(response, 410, "document-deleted")
    # a new upload of the same file is accepted
    assert (await web.upload(DATA))["file_size"] == len(DATA)
