"""The session of an upload that ended without a document is small."""

from pathlib import Path

import orjson
import pytest

from pdfsluice.core.models.findings import Decision, Finding, Severity
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.core.uploads.ended_sessions import MAX_FINDINGS_KEPT, reduced
from tests.support.runtimes import Watchman
from tests.support.web import STREAMING, WebServer, a_server, body_of

METADATA = {f"key-{number}": "x" * 1000 for number in range(32)}
MAX_RECORD = 4096
BAD = b"%PDF-1.7 FORBIDDEN " + bytes(1000)


async def opened(web: WebServer, data: bytes) -> dict[str, str]:
    wanted = {
        "filename": "a.pdf",
        "file_size": len(data),
        "title": "t" * 500,
        "metadata": METADATA,
    }
    async with web.http.post(f"{STREAMING}/initiate", json=wanted) as response:
        assert response.status == 200
        session: dict[str, str] = await body_of(response)
    return session


async def record(web: WebServer, session_id: str) -> bytes:
    async with web.http.get(f"{STREAMING}/{session_id}") as response:
        return await response.read()


async def test_the_record_of_a_cancelled_upload_is_small(tmp_path: Path) -> None:
    async with a_server(tmp_path) as web:
        session = await opened(web, b"x" * 1000)
        assert len(await record(web, session["session_id"])) > 32_000
        async with web.http.post(f"{STREAMING}/cancel/{session['session_id']}") as response:
            assert response.status == 200
        stored = await record(web, session["session_id"])
        assert len(stored) < MAX_RECORD
        assert orjson.loads(stored)["error"]["code"] == "session-ended"


@pytest.mark.parametrize("decision", [Decision.REJECT, Decision.QUARANTINE])
async def test_a_refused_upload_keeps_the_reason(tmp_path: Path, decision: Decision) -> None:
    """One in quarantine keeps its metadata too, until its bytes are deleted."""
    async with a_server(tmp_path, watchman=Watchman(decision=decision)) as web:
        session = await opened(web, BAD)
        one = f"{STREAMING}/{session['session_id']}"
        async with web.http.put(f"{session['upload_url']}?chunk_id=0", data=BAD):
            pass
        async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
            assert response.status == 422
        if decision is Decision.QUARANTINE:
            view = orjson.loads(await record(web, session["session_id"]))
            assert view["quarantined"]
            assert view["metadata"] == METADATA
            async with web.http.delete(one) as response:
                assert response.status == 200
        view = orjson.loads(await record(web, session["session_id"]))
    assert view["status"] == "rejected"
    assert view["findings"]
    assert view["metadata"] == {}


async def test_a_completed_upload_keeps_its_metadata(tmp_path: Path) -> None:
    data = make_pdf(["A page."])
    async with a_server(tmp_path) as web:
        session = await opened(web, data)
        async with web.http.put(f"{session['upload_url']}?chunk_id=0", data=data):
            pass
        async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
            assert response.status == 200
        view = orjson.loads(await record(web, session["session_id"]))
    assert view["metadata"] == METADATA


def test_of_many_findings_the_gravest_are_kept_in_their_order() -> None:
    notes = [
        Finding(kind="link", severity=Severity.INFO, message=f"link {number}", stage="pdf")
        for number in range(500)
    ]
    grave = Finding(kind="script", severity=Severity.CRITICAL, message="a script", stage="pdf")
    changes = reduced(make_session(findings=(*notes, grave)))
    assert changes["findings"] == (*notes[: MAX_FINDINGS_KEPT - 1], grave)
