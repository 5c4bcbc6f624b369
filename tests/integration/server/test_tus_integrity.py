"""A tus client whose stored bytes were damaged sends them again."""

import random

import pytest

from pdfsluice.core.models.sessions import SessionState
from tests.support.web import CHUNK, WebServer

DATA = random.Random(1).randbytes(3 * CHUNK + 5)
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.mark.parametrize("method", ["HEAD", "PATCH"])
async def test_damaged_bytes_are_asked_for_again(web: WebServer, method: str) -> None:
    session = await web.initiate(DATA)
    for chunk_id in range(session["total_chunks"]):
        await web.put(session["session_id"], DATA, chunk_id)
    (part,) = web.runtime.settings.upload_dir.glob("**/*.part")
    with part.open("r+b") as file:
        file.seek(2 * CHUNK + 7)
        file.write(b"??????")
    url, position = f"/files/{session['session_id']}", str(len(DATA))
    headers = TUS if method == "HEAD" else TUS | {"Upload-Offset": position} | octets()
    async with web.http.request(method, url, headers=headers) as response:
        assert response.status in {200, 204}
        offset = int(response.headers["Upload-Offset"])
    assert offset == 2 * CHUNK
    async with web.http.patch(
        url, headers=TUS | {"Upload-Offset": str(offset)} | octets(), data=DATA[offset:]
    ) as response:
        assert response.status == 204
        assert response.headers["Upload-Offset"] == position
        assert "Content-Location" in response.headers


async def test_a_deleted_document_ends_its_upload_in_every_protocol(web: WebServer) -> None:
    document = await web.upload(DATA)
    async with web.http.delete(f"/api/documents/{document['id']}") as response:
        assert response.status < 300
    (session,) = await web.runtime.uploads._sessions.find(states=tuple(SessionState))
    session_id = session.id
    requests: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("GET", f"/api/documents/streaming/{session_id}", {}),
        ("POST", f"/api/documents/streaming/complete/{session_id}", {}),
        ("HEAD", f"/files/{session_id}", TUS),
        ("HEAD", f"/resumable/{session_id}", {"Upload-Draft-Interop-Version": "8"}),
    )
    for method, path, headers in requests:
        async with web.http.request(method, path, headers=headers) as response:
            assert response.status == 410, (method, path)


def octets() -> dict[str, str]:
    return {"Content-Type": "application/offset+octet-stream"}
