"""A server whose bytes are in S3, as moto serves it: uploads, crashes, documents."""

import sqlite3
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

pytest.importorskip("obstore", reason="the extra 'cloud' is not installed")

from pdfsluice.client import Client
from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.tus import Tus, metadata
from tests.conformance.wire import Server, eventually
from tests.support.fault_proxy import fault_proxy
from tests.support.object_stores import S3Server
from tests.support.preloaded import preloaded_parent
from tests.support.servers import RunningServer, ServerStartError
from tests.support.slow_link import SlowLink
from tests.support.stored import documents_of, get, hostile_pdf

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.xdist_group("object-store")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server.running() as server:
        yield server


@pytest.fixture(scope="module")
def running(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("objects")
    server = RunningServer(
        folder / "data",
        environment=s3.environment(f"s3://{s3.bucket}/one"),
        preloaded=preloaded_parent(),
    )
    server.start()
    yield server
    server.kill()


@pytest.fixture
def tus(running: RunningServer) -> Tus:
    return Tus(Server(running.base_url), "/files")


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=2_000_000)


def session_of(url: str) -> str:
    return url.rpartition("/")[2]


def segments(s3: S3Server, url: str) -> list[str]:
    return s3.names(f"one/uploads/{session_of(url)}/")


def resume(running: RunningServer, url: str) -> Any:
    body = orjson.dumps({"session_id": session_of(url)})
    request = urllib.request.Request(
        f"{running.base_url}/api/documents/streaming/resume",
        body,
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return orjson.loads(answer.read())


def finish(running: RunningServer, tus: Tus, url: str, pdf: bytes) -> int:
    position = tus.offset(url)
    if position < len(pdf):
        assert tus.patch(url, position, pdf[position:]).status == 204
    (document,) = documents_of(running.base_url, pdf)
    return int(document["id"])


@pytest.mark.long
def test_an_upload_continues_after_a_kill_and_becomes_a_document(
    running: RunningServer, tus: Tus, pdf: bytes, s3: S3Server
) -> None:
    url = tus.create(pdf)
    for start in range(0, 1_500_000, 500_000):
        assert tus.patch(url, start, pdf[start : start + 500_000]).status == 204
    assert len(segments(s3, url)) == 3
    running.kill()
    assert not list(running.data_dir.rglob("*.pdf"))
    running.start()
    assert tus.offset(url) == 1_500_000
    number = finish(running, tus, url, pdf)
    assert segments(s3, url) == []
    assert (
        s3.names("one/documents/").count(
            f"one/documents/{session_of(url)[:2]}/{session_of(url)}.pdf"
        )
        == 1
    )
    part = urllib.request.Request(
        f"{running.base_url}/api/documents/{number}/file", headers={"Range": "bytes=1000-1999"}
    )
    with urllib.request.urlopen(part, timeout=30) as answer:
        assert (answer.status, answer.read()) == (206, pdf[1000:2000])
    running.kill()
    for copy in running.data_dir.rglob("*.pdf"):
        copy.unlink()
    running.start()
    assert get(f"{running.base_url}/api/documents/{number}/file") == pdf
    delete = urllib.request.Request(f"{running.base_url}/api/documents/{number}", method="DELETE")
    assert urllib.request.urlopen(delete, timeout=30).status in {200, 204}
    assert not [name for name in s3.names("one/") if session_of(url) in name]


async def test_a_new_version_copies_from_a_document_in_the_object_store(
    running: RunningServer, tmp_path: Path, pdf: bytes
) -> None:
    path, link = tmp_path / "report.pdf", SlowLink(100_000_000)
    path.write_bytes(pdf)
    async with Client(running.base_url) as client:
        first = await client.upload(path)
    copies = [*running.data_dir.rglob("*.pdf")]
    assert copies, "the local copies of documents, which any node may lack"
    for copy in copies:
        copy.unlink()
    path.write_bytes(pdf + b"% edited\n")
    async with (
        fault_proxy(running.port, lambda _number: link) as proxy,
        Client(proxy.base_url) as client,
    ):
        second = await client.upload(path, replaces=first.id)
        await client.download(second.id, tmp_path / "back.pdf")
    assert (tmp_path / "back.pdf").read_bytes() == path.read_bytes()
    assert link.carried < len(pdf) / 50


def test_a_refused_file_leaves_no_object(tus: Tus, s3: S3Server) -> None:
    bad = hostile_pdf(uuid.uuid4().hex, size=300_000)
    url = tus.create(bad)
    for start in range(0, len(bad), 100_000):
        if tus.patch(url, start, bad[start : start + 100_000]).status >= 400:
            break
    eventually(lambda: tus.request("HEAD", url).status >= 400)
    eventually(lambda: segments(s3, url) == [])
    assert not [name for name in s3.names("one/documents/") if session_of(url) in name]


def test_parts_become_one_document(
    running: RunningServer, tus: Tus, pdf: bytes, s3: S3Server
) -> None:
    middle = len(pdf) // 2
    urls = []
    for part in (pdf[:middle], pdf[middle:]):
        urls.append(tus.create(part, Upload_Concat="partial"))
        assert tus.patch(urls[-1], 0, part).status == 204
    paths = " ".join(tus.server.path(url) for url in urls)
    whole = tus.post(None, Upload_Concat=f"final;{paths}", Upload_Metadata=metadata(filename=b"a"))
    assert whole.status == 201
    finish(running, tus, whole.headers["Location"], pdf)
    assert [segments(s3, url) for url in (*urls, whole.headers["Location"])] == [[], [], []]


@pytest.mark.long
def test_small_pieces_become_few_objects(
    running: RunningServer, tus: Tus, s3: S3Server, pdf: bytes
) -> None:
    url = tus.create(pdf)
    for start in range(0, 2000, 20):
        assert tus.patch(url, start, pdf[start : start + 20]).status == 204
    running.kill()
    running.start()
    assert tus.offset(url) == 2000
    finish(running, tus, url, pdf)
    assert segments(s3, url) == []


@pytest.mark.long
def test_a_segment_that_vanished_is_sent_again(
    running: RunningServer, tus: Tus, s3: S3Server, pdf: bytes
) -> None:
    url = tus.create(pdf)
    for start in range(0, 1_500_000, 500_000):
        assert tus.patch(url, start, pdf[start : start + 500_000]).status == 204
    running.kill()
    (middle,) = [name for name in segments(s3, url) if "/500000-" in name]
    s3.delete(middle)
    running.start()
    assert resume(running, url)["missing_ranges"][0] == [500_000, 1_000_000]
    assert tus.offset(url) == 500_000
    assert tus.patch(url, 500_000, pdf[500_000:]).status == 204
    assert len(documents_of(running.base_url, pdf)) == 1


def test_while_the_store_is_away_nothing_is_acknowledged(
    running: RunningServer, tus: Tus, s3: S3Server, pdf: bytes
) -> None:
    url = tus.create(pdf)
    assert tus.patch(url, 0, pdf[:500_000]).status == 204
    with s3.failing():
        answer = tus.patch(url, 500_000, pdf[500_000:900_000])
        assert answer.status == 503
        assert "Retry-After" in answer.headers
        assert tus.offset(url) == 500_000
    finish(running, tus, url, pdf)


def test_a_mistyped_address_stops_the_start(tmp_path: Path) -> None:
    server = RunningServer(
        tmp_path / "data",
        preloaded=preloaded_parent(),
        environment={
            "PDFSLUICE_UPLOAD_STORE": "object",
            "PDFSLUICE_PLUGINS__OBJECT_STORE__URL": "bucket/folder",
        },
    )
    with pytest.raises(ServerStartError, match="no address of an object store"):
        server.start()


@pytest.mark.nightly
def test_every_protocol_conforms(s3: S3Server, tmp_path: Path) -> None:
    """And only unfinished uploads leave segments."""
    server = RunningServer(
        tmp_path / "data",
        environment=s3.environment(f"s3://{s3.bucket}/conformance"),
        preloaded=preloaded_parent(),
    )
    server.start()
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={tmp_path / 'cache'}"]
        run = subprocess.run(
            [*command, "tests/conformance", "--pdfsluice-url", server.base_url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-5000:]
        with closing(sqlite3.connect(server.data_dir / "state" / "pdfsluice.db")) as database:
            states = dict(database.execute("SELECT id, state FROM sessions"))
            places = {place for (place,) in database.execute("SELECT place FROM extents")}
    finally:
        server.stop()
    names = [name.removeprefix("conformance/") for name in s3.names("conformance/uploads/")]
    assert {states[name.split("/")[1]] for name in names} <= {"created", "uploading"}
    assert set(names) <= places
