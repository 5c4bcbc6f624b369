"""Full disks and quotas: refused early, or in the middle with the rest kept."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.tus import Tus
from tests.conformance.wire import Response, Server
from tests.support.servers import RunningServer, Serve
from tests.support.stored import documents_of

MIB = 1024 * 1024


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=3 * MIB)


def tus_of(running: RunningServer) -> Tus:
    return Tus(Server(running.base_url), "/files")


@pytest.mark.long
def test_quota_is_reserved_when_the_upload_is_opened(serve: Serve, pdf: bytes) -> None:
    running = serve(PDFSLUICE_PLUGINS__LOCAL_STORE__MAX_BYTES="5MiB")
    tus = tus_of(running)
    url = tus.create(pdf)
    refused = tus.post(Upload_Length=str(len(pdf)))
    assert (refused.status, refused.json()["code"]) == (507, "storage-full")
    assert tus.patch(url, 0, pdf).status == 204
    tus.create(pdf)  # a document does not count any more


@pytest.mark.long
def test_room_of_cancelled_and_expired_uploads_comes_back(serve: Serve, pdf: bytes) -> None:
    running = serve(PDFSLUICE_PLUGINS__LOCAL_STORE__MAX_BYTES="5MiB")
    tus = tus_of(running)
    for _ in range(3):
        assert tus.request("DELETE", tus.create(pdf)).status == 204
    running.restart()
    tus.create(pdf)


@pytest.mark.long
def test_quota_holds_for_uploads_of_unknown_length(serve: Serve, pdf: bytes) -> None:
    """What fits is kept; when there is room again, the upload continues from there."""
    running = serve(PDFSLUICE_PLUGINS__LOCAL_STORE__MAX_BYTES="4MiB")
    tus = tus_of(running)
    other = tus.create(pdf)
    url = tus.post(Upload_Defer_Length="1").headers["Location"]
    refused = tus.patch(url, 0, pdf, **{"Upload-Length": str(len(pdf))})
    assert refused.status == 507
    kept = tus.offset(url)
    assert kept < len(pdf)
    tus.request("DELETE", other)
    assert tus.patch(url, kept, pdf[kept:], **{"Upload-Length": str(len(pdf))}).status == 204
    assert len(documents_of(running.base_url, pdf)) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB, where we may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_disk_fills_up_in_the_middle(serve: Serve, small_disk: Path, pdf: bytes) -> None:
    running = serve(STREAMING_UPLOAD_DIR=str(small_disk / "uploads"), PDFSLUICE_MIN_FREE_SPACE="0")
    tus = tus_of(running)
    url = tus.post(Upload_Defer_Length="1").headers["Location"]
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(6 * MIB))
    refused = tus.patch(url, 0, pdf)
    assert (refused.status, refused.json()["code"]) == (507, "storage-full")
    kept = tus.offset(url)
    assert 0 < kept < len(pdf)
    ballast.unlink()
    done = tus.patch(url, kept, pdf[kept:], **{"Upload-Length": str(len(pdf))})
    assert done.status == 204
    assert len(documents_of(running.base_url, pdf)) == 1


def test_no_room_for_a_form_that_names_its_place_too_late(
    serve: Serve, small_disk: Path, pdf: bytes
) -> None:
    """Its file has to be stored first, because its place is not known yet."""
    running = serve(STREAMING_UPLOAD_DIR=str(small_disk / "uploads"), PDFSLUICE_MIN_FREE_SPACE="0")
    server = Server(running.base_url)
    wanted = orjson.dumps({"filename": "a.pdf", "file_size": len(pdf)})
    json = {"Content-Type": "application/json"}
    prefix = "/api/documents/streaming"
    session = server.request("POST", f"{prefix}/initiate", json, wanted).json()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="chunk"\r\n\r\n'
        + pdf[: session["chunk_size"]]
        + b'\r\n--x\r\nContent-Disposition: form-data; name="chunk_id"\r\n\r\n0\r\n--x--\r\n'
    )

    def send() -> Response:
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        return server.request("POST", session["upload_url"], form, body)

    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - MIB))
    refused = send()
    assert (refused.status, refused.json()["code"]) == (503, "storage-failed")
    ballast.unlink()
    assert send().status == 200


def test_disk_is_too_small_from_the_start(serve: Serve, small_disk: Path) -> None:
    running = serve(
        STREAMING_UPLOAD_DIR=str(small_disk / "uploads"), PDFSLUICE_MIN_FREE_SPACE="2MiB"
    )
    tus = tus_of(running)

    def ask(size: int) -> Response:
        return tus.post(Upload_Length=str(size))

    assert ask(7 * MIB).status == 507
    assert ask(3 * MIB).status == 201
    assert ask(3 * MIB - 64 * 1024).status == 201  # the store's own files take a few blocks
    assert ask(3 * MIB).status == 507


@pytest.mark.long
@pytest.mark.parametrize("framing", ["Content-Length", "Transfer-Encoding"])
def test_largest_size_holds_for_uploads_of_unknown_length(
    serve: Serve, pdf: bytes, framing: str
) -> None:
    """A streamed body is counted, whatever length it announces."""
    running = serve(STREAMING_MAX_FILE_SIZE_MB="1")
    tus = tus_of(running)
    url = tus.post(Upload_Defer_Length="1").headers["Location"]
    told = str(len(pdf)) if framing == "Content-Length" else "chunked"
    with tus.server.connect() as connection:
        headers = tus.headers({"Upload-Offset": "0", framing: told})
        connection.start("PATCH", tus.server.path(url), headers)
        if framing == "Transfer-Encoding":
            connection.send_chunk(pdf)
        assert connection.finish().status == 413
    assert tus.offset(url) <= MIB
