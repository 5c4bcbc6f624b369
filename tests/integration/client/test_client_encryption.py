"""End-to-end encryption: the server stores what only the recipients can read."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyrage import x25519

from pdfsluice.client import Client, ClientError, ContentRejected
from pdfsluice.client.encryption import decrypt, encrypted_copy
from pdfsluice.core import Decision, errors
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.core.uploads.completing.opaque import admit
from pdfsluice.plugins.policy.options import PolicyOptions
from pdfsluice.plugins.policy.policy import RulesPolicy
from tests.support.commands import pdfsluice_here
from tests.support.fault_proxy import fault_proxy
from tests.support.runtimes import STORES
from tests.support.slow_link import SlowLink
from tests.support.web import STREAMING, WebServer, a_server, body_of, problem_of

MIB = 1024 * 1024
MARKER = b"Xyzzy-42-plugh"
PLUGINS = (*STORES, "api_keys", "policy", "progress_log", "importers", "pdfium")


@pytest.fixture
def secret() -> x25519.Identity:
    return x25519.Identity.generate()


@pytest.fixture
def identity(tmp_path: Path, secret: x25519.Identity) -> Path:
    file = tmp_path / "key.txt"
    file.write_text(f"# created by a test\n{secret}\n")
    return file


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.pdf"
    file.write_bytes(make_pdf([MARKER.decode()], noise_per_page=300_000) + b"\n%" + MARKER)
    return file


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server that accepts files that it cannot read."""
    folder = tmp_path / "server"
    async with a_server(folder, built_in=PLUGINS, log_level="debug") as server:
        yield server


def everything_stored(folder: Path) -> bytes:
    """Return the names and the content of all files of a server."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 2
    return b"\n".join(str(file).encode() + file.read_bytes() for file in files)


async def test_nothing_of_the_content_and_no_key_reaches_the_server(
    web: WebServer,
    report: Path,
    secret: x25519.Identity,
    identity: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tmp_path = report.parent
    caplog.set_level(logging.DEBUG)
    async with (
        fault_proxy(web.port, lambda _number: SlowLink(2 * MIB)) as proxy,
        Client(proxy.base_url) as client,
    ):
        document = await client.upload(report, encrypt_to=[str(secret.to_public())])
        settled = await client.settled(document.id)
        stored = everything_stored(tmp_path / "server")
        async with web.http.get(f"/api/documents/{document.id}") as response:
            answer = await response.text()
        target = tmp_path / "back.pdf"
        await client.download(document.id, target, identity=identity)
    assert target.read_bytes() == report.read_bytes()
    assert sorted(tmp_path.glob(".*")) == [], "no encrypted copy is left"
    for where in (stored, caplog.text.encode(), answer.encode()):
        assert MARKER not in where
        assert b"AGE-SECRET-KEY" not in where
    assert b"age-encryption.org/v1" in stored, "the search would find what is there"
    assert (document.title, document.decision, document.page_count) == ("report.pdf", "note", None)
    assert [each.reason for each in document.unscanned] == ["encrypted-by-client"]
    assert (settled.import_status, settled.index_status) == ("none", "none")


async def test_it_is_neither_shown_nor_imported_nor_indexed(
    web: WebServer, report: Path, secret: x25519.Identity
) -> None:
    async with Client(web.base_url) as client:
        document = await client.upload(report, encrypt_to=[str(secret.to_public())])
    here = f"/api/documents/{document.id}"
    for method, path in (
        ("GET", f"{here}/pages/1"),
        ("GET", f"{here}/pages/1/thumbnail"),
        ("POST", f"{here}/index"),
        ("POST", f"{here}/import/text/retry"),
    ):
        async with web.http.request(method, path) as response:
            await problem_of(response, 422, "document-unreadable")
    async with web.http.get(f"{here}/file") as response:
        assert response.content_type == "application/octet-stream"


async def test_a_server_that_scans_refuses_it_before_a_byte_is_sent(
    tmp_path: Path, report: Path, secret: x25519.Identity
) -> None:
    async with (
        a_server(tmp_path / "server", built_in=PLUGINS, policy="rules") as web,
        Client(web.base_url) as client,
    ):
        with pytest.raises(ContentRejected) as caught:
            await client.upload(report, encrypt_to=[str(secret.to_public())])
        assert caught.value.findings[0].kind == "client_encrypted"
        assert "client_encrypted" in (caught.value.hint or "")
        assert await client.sessions() == ()


async def test_what_is_not_encrypted_does_not_evade_the_stages(web: WebServer) -> None:
    data = make_pdf(["plain"])
    session = await web.initiate(data, encryption="age")
    await web.put(session["session_id"], data, 0)
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        problem = await problem_of(response, 400, "bad-request")
    assert "is not" in problem["detail"]
    assert (await web.status(session["session_id"]))["status"] == "failed"
    wanted = {"filename": "a.pdf", "file_size": 9, "encryption": "rot13"}
    async with web.http.post(f"{STREAMING}/initiate", json=wanted) as response:
        await problem_of(response, 400, "bad-request")


async def test_tus_clients_can_announce_it(
    web: WebServer, tmp_path: Path, report: Path, secret: x25519.Identity
) -> None:
    with encrypted_copy(report, [str(secret.to_public())]) as copy:
        data = copy.read_bytes()
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(data)),
        "Upload-Metadata": "filename eC5hZ2U=,encryption YWdl",
        "Content-Type": "application/offset+octet-stream",
    }
    async with web.http.post("/files", data=data, headers=headers) as response:
        assert response.status == 201, await response.text()
    async with web.http.get("/api/documents") as response:
        (document,) = (await body_of(response))["documents"]
    assert document["filename"] == "x.age"


async def test_the_command_encrypts_and_decrypts(
    web: WebServer, tmp_path: Path, report: Path, secret: x25519.Identity, identity: Path
) -> None:
    recipient = str(secret.to_public())
    server = ("--server", web.base_url)
    sent = await asyncio.to_thread(
        pdfsluice_here, "upload", report, "--encrypt-to", recipient, "--json", *server
    )
    assert sent.code == 0, sent.err
    number = str(json.loads(sent.out)["id"])
    folder = tmp_path / "fetched"
    folder.mkdir()
    fetched = await asyncio.to_thread(
        pdfsluice_here, "download", number, "-o", folder, "--identity", identity, *server
    )
    assert fetched.code == 0, fetched.err
    assert [file.name for file in folder.iterdir()] == ["report.pdf"]
    assert (folder / "report.pdf").read_bytes() == report.read_bytes()
    other = tmp_path / "other.txt"
    other.write_text(str(x25519.Identity.generate()))
    wrong = await asyncio.to_thread(
        pdfsluice_here, "download", number, "-o", tmp_path / "x.pdf", "--identity", other, *server
    )
    assert wrong.code != 0
    assert "decrypted" in wrong.err
    assert not (tmp_path / "x.pdf").exists()


def test_wrong_keys_are_explained_and_never_shown(tmp_path: Path, report: Path) -> None:
    secret = str(x25519.Identity.generate())
    for recipient in ("age1nonsense", "", secret, "ssh-ed25519 nonsense"):
        with pytest.raises(ClientError) as caught, encrypted_copy(report, [recipient]):
            pass
        assert caught.value.code == "key-invalid"
        assert secret not in str(caught.value)
    for content in ("", "# nothing", "AGE-SECRET-KEY-1NONSENSE", "-----BEGIN nonsense"):
        identity = tmp_path / "identity"
        identity.write_text(content)
        with pytest.raises(ClientError) as caught:
            decrypt(report, tmp_path / "out.pdf", identity)
        assert caught.value.code == "key-invalid"
    identity.write_text(secret)
    with pytest.raises(ClientError) as caught:
        decrypt(report, tmp_path / "out.pdf", identity)
    assert caught.value.code == "decryption-failed"
    assert not (tmp_path / "out.pdf").exists()


def test_an_own_rule_allows_it() -> None:
    options = PolicyOptions.model_validate(
        {"rules": [{"kind": "client_encrypted", "decision": "flag", "principals": ["key:ann"]}]}
    )
    policy = RulesPolicy(options)
    session = make_session(owner="key:ann", encryption="age")
    assert admit(session, policy).decision is Decision.FLAG
    with pytest.raises(errors.ContentRejected):
        admit(replace(session, owner="key:bob"), policy)
    plain = replace(session, owner="key:bob", encryption="")
    assert admit(plain, policy) == plain
