"""Quarantined uploads with the client library and the command."""

import asyncio
import json
from pathlib import Path

import pytest

from pdfsluice.client import Client, ContentRejected, PermissionDenied
from pdfsluice.client.models import SessionState
from tests.support.commands import pdfsluice, pdfsluice_here
from tests.support.servers import RunningServer, Serve

SCRIPT = b"""%PDF-1.7
1 0 obj <</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>> endobj
trailer <</Root 1 0 R/Size 4>>
%%EOF
"""


@pytest.fixture
def keeper(serve: Serve) -> RunningServer:
    """A server that keeps what it refuses."""
    return serve(PDFSLUICE_PLUGINS__POLICY__QUARANTINE_REJECTED="true")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.pdf"
    path.write_bytes(SCRIPT)
    return path


async def test_an_administrator_releases_a_refused_file(
    keeper: RunningServer, script: Path
) -> None:
    async with Client(keeper.base_url) as client:
        assert await client.quarantine() == ()
        with pytest.raises(ContentRejected):
            await client.upload(script)
        (kept,) = await client.quarantine()
        assert (kept.filename, kept.durable_bytes) == ("script.pdf", len(SCRIPT))
        assert "javascript" in {finding.kind for finding in kept.findings}

        assert (await client.session(kept.session_id)).quarantined
        await client.release(kept.session_id)
        async with asyncio.timeout(60):
            while not (session := await client.session(kept.session_id)).ended:
                await asyncio.sleep(0.05)
        assert session.status is SessionState.COMPLETED
        assert session.document is not None
        assert session.document.decision == "flag"
        assert await client.quarantine() == ()


async def test_other_principals_neither_see_nor_release_it(tmp_path: Path, serve: Serve) -> None:
    folder = tmp_path / "keyed"
    added = pdfsluice("keys", "add", "uploader", "--data-dir", folder)
    key = next(word for word in added.out.split() if word.startswith("pdfsluice_"))
    server = serve(data_dir=folder)
    async with Client(server.base_url, api_key=key) as client:
        with pytest.raises(PermissionDenied):
            await client.quarantine()
        with pytest.raises(PermissionDenied):
            await client.release("00000000-0000-4000-8000-000000000000")


@pytest.mark.long
def test_the_command_lists_and_releases(keeper: RunningServer, script: Path) -> None:
    at = ("--server", keeper.base_url)
    assert "Nothing is in quarantine" in pdfsluice_here("sessions", "--quarantined", *at).err
    assert pdfsluice_here("upload", script, *at).code == 3
    table = pdfsluice_here("sessions", "--quarantined", *at)
    assert "script.pdf" in table.out
    assert "javascript" in table.out
    assert "pdfsluice release SESSION" in table.err
    (line,) = pdfsluice_here("sessions", "--quarantined", "--json", *at).out.splitlines()
    session = json.loads(line)["session_id"]
    released = pdfsluice_here("release", session, *at)
    assert (released.code, released.out) == (0, "Released script.pdf.\n")
    again = pdfsluice_here("release", session, *at)
    assert again.code == 1
    assert "not in quarantine" in again.err
