"""What pdfsluice does beyond tus: verdicts, retries, access, browsers."""

import gzip
import hashlib
import uuid
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.tus import Tus, metadata
from tests.conformance.wire import Server
from tests.support.commands import pdfsluice
from tests.support.servers import RunningServer, Serve
from tests.support.stored import documents_of, get_json, hostile_pdf


@pytest.fixture
def tus(server: RunningServer) -> Tus:
    return Tus(Server(server.base_url), "/files")


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=200_000)


@pytest.fixture
def hostile() -> bytes:
    return hostile_pdf(uuid.uuid4().hex)


def test_last_byte_is_answered_with_the_document(
    server: RunningServer, tus: Tus, pdf: bytes
) -> None:
    response = tus.patch(tus.create(pdf), 0, pdf)
    answered = get_json(server.base_url + response.headers["Content-Location"])
    (document,) = documents_of(server.base_url, pdf)
    assert answered["id"] == document["id"]  # the rest changes while the file is read


def test_metadata_gives_title_name_and_options(server: RunningServer, tus: Tus, pdf: bytes) -> None:
    sent = metadata(
        filename=b"../../etc/\r\npasswd.pdf",
        title=b"A title",
        client_id=b"me",
        auto_build_index=b"",
    )
    url = tus.post(Upload_Length=str(len(pdf)), Upload_Metadata=sent).headers["Location"]
    session_id = url.rpartition("/")[2]
    session = get_json(f"{server.base_url}/api/documents/streaming/{session_id}")
    assert session["filename"] == "passwd.pdf"
    assert session["title"] == "A title"
    assert session["client_id"] == "me"
    assert session["auto_build_index"]
    assert session["check_duplicates"]


def test_the_same_file_twice_is_one_document(server: RunningServer, tus: Tus, pdf: bytes) -> None:
    first = tus.patch(tus.create(pdf), 0, pdf)
    second = tus.patch(tus.create(pdf), 0, pdf)
    assert first.headers["Content-Location"] == second.headers["Content-Location"]
    assert len(documents_of(server.base_url, pdf)) == 1


def test_known_file_is_refused_before_it_is_sent(tus: Tus, pdf: bytes) -> None:
    document = tus.patch(tus.create(pdf), 0, pdf)
    assert document.status == 204
    digest = hashlib.sha256(pdf).hexdigest()
    response = tus.post(
        Upload_Length=str(len(pdf)), Upload_Metadata=metadata(expected_hash=digest.encode())
    )
    assert (response.status, response.json()["code"]) == (422, "duplicate-document")


def test_refusal_comes_with_the_last_byte_and_stays(tus: Tus, hostile: bytes) -> None:
    url = tus.create(hostile)
    tus.patch(url, 0, hostile[:100])
    response = tus.patch(url, 100, hostile[100:])
    assert response.status == 422
    assert response.json()["details"]["findings"]
    assert tus.request("HEAD", url).status == 422
    assert tus.patch(url, len(hostile), b"").status == 422


def test_refusal_comes_with_creation_too(tus: Tus, hostile: bytes) -> None:
    response = tus.post(hostile, Upload_Length=str(len(hostile)))
    assert response.status == 422


def test_wrong_file_digest_is_final(tus: Tus, pdf: bytes) -> None:
    wrong = metadata(expected_hash=b"0" * 64)
    response = tus.post(pdf, Upload_Length=str(len(pdf)), Upload_Metadata=wrong)
    assert (response.status, response.json()["code"]) == (422, "digest-mismatch")


def test_hostile_parts_are_refused_when_they_are_one(
    server: RunningServer, tus: Tus, hostile: bytes
) -> None:
    """A finding that no part shows alone: the stages look at the whole."""
    cut = hostile.index(b"/JavaScript") + 5
    parts = []
    for data in (hostile[:cut], hostile[cut:]):
        url = tus.post(Upload_Length=str(len(data)), Upload_Concat="partial").headers["Location"]
        assert tus.patch(url, 0, data).status == 204
        parts.append(url)
    response = tus.post(Upload_Concat=f"final;{' '.join(parts)}")
    assert response.status == 422
    assert not documents_of(server.base_url, hostile)


def test_parts_are_named_once(tus: Tus) -> None:
    part = tus.post(Upload_Length="5", Upload_Concat="partial").headers["Location"]
    assert tus.patch(part, 0, b"%PDF-").status == 204
    assert tus.post(Upload_Concat=f"final;{part} {part}").status == 400


@pytest.mark.parametrize("length", ["9" * 40, "0", "1" + "0" * 18])
def test_impossible_length(tus: Tus, length: str) -> None:
    assert tus.post(Upload_Length=length).status in {400, 413}


def test_gzip_body_is_refused_and_not_inflated(tus: Tus, pdf: bytes) -> None:
    url = tus.create(pdf)
    response = tus.patch(url, 0, gzip.compress(pdf), **{"Content-Encoding": "gzip"})
    assert response.status == 415
    assert tus.offset(url) == 0


def test_trailer_checksum_is_refused_rather_than_ignored(tus: Tus, pdf: bytes) -> None:
    url = tus.create(pdf)
    response = tus.patch(url, 0, pdf, Trailer="Upload-Checksum")
    assert response.status == 400
    assert tus.offset(url) == 0


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-Proto", "Via"])
def test_location_behind_a_proxy_is_a_path(tus: Tus, name: str) -> None:
    """Only the client knows the proxy's address; without a proxy the URL is absolute."""
    direct = tus.post(Upload_Length="10").headers["Location"]
    assert direct.startswith(f"{tus.server.url}/files/")
    proxied = tus.request("POST", "/files", {"Upload-Length": "10", name: "https"})
    assert proxied.headers["Location"].startswith("/files/")


def test_unsupported_method_is_named(tus: Tus, pdf: bytes) -> None:
    response = tus.request("PUT", tus.create(pdf), None, b"x")
    assert response.status == 405
    assert response.headers.listed("Allow") == ["HEAD", "PATCH", "DELETE"]


def test_a_problem_has_the_title_of_its_status(tus: Tus, pdf: bytes) -> None:
    url = tus.create(pdf)
    version = tus.patch(url, 0, pdf, **{"Tus-Resumable": "0.2.2"})
    checksum = tus.patch(url, 0, pdf, **{"Upload-Checksum": "sha1 AAAA"})
    offset = tus.request("PATCH", url, {"Content-Type": tus.media_type}, pdf)
    titles = [each.json()["title"] for each in (version, checksum, offset)]
    assert titles == ["Precondition Failed", "Checksum Mismatch", "Bad Request"]
    assert offset.json()["detail"] == "Upload-Offset is missing"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
@pytest.mark.parametrize(("method", "path"), [("POST", "/files"), ("POST", "/resumable")])
def test_nothing_is_read_from_strangers(
    server_with_key: RunningServer, headers: dict[str, str], method: str, path: str
) -> None:
    """Authorization comes before the first body byte, whether or not it is awaited."""
    tus = Tus(Server(server_with_key.base_url), path)
    announced = tus.headers({**headers, "Content-Length": "1000000", "Upload-Length": "1000000"})
    with tus.server.connect() as connection:
        connection.start(method, path, announced)
        assert connection.finish().status == 401
    with tus.server.connect() as connection:
        connection.start(method, path, {**announced, "Expect": "100-continue"})
        refused = connection.finish()
    assert (refused.status, refused.interim) == (401, ())
    assert not stored_files(server_with_key)


def test_uploads_of_others_do_not_exist(server_with_key: RunningServer, pdf: bytes) -> None:
    owner, other = (
        Tus(
            Server(
                server_with_key.base_url,
                {"Authorization": f"Bearer {add_key(server_with_key, name)}"},
            ),
            "/files",
        )
        for name in ("owner", "other")
    )
    url = owner.create(pdf)
    owner.patch(url, 0, pdf[:100])
    assert other.request("HEAD", url).status == 404
    assert other.patch(url, 100, pdf[100:]).status == 404
    assert other.request("DELETE", url).status == 404
    part = owner.post(Upload_Length="5", Upload_Concat="partial").headers["Location"]
    owner.patch(part, 0, b"%PDF-")
    assert other.post(Upload_Concat=f"final;{part}").status == 404
    assert owner.patch(url, 100, pdf[100:]).status == 204


@pytest.mark.long
def test_pages_of_listed_origins_can_use_everything(serve: Serve, pdf: bytes) -> None:
    running = serve(PDFSLUICE_CORS_ORIGINS='["https://app.example"]')
    tus = Tus(Server(running.base_url, {"Origin": "https://app.example"}), "/files")
    preflight = tus.server.request(
        "OPTIONS",
        "/files",
        {
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "tus-resumable, upload-offset, authorization",
        },
    )
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "PATCH" in preflight.headers.listed("Access-Control-Allow-Methods")
    assert "upload-offset" in preflight.headers.listed("Access-Control-Allow-Headers")
    url = tus.create(pdf)
    done = tus.patch(url, 0, pdf)
    readable = {name.lower() for name in done.headers.listed("Access-Control-Expose-Headers")}
    used = {
        *("upload-offset", "upload-expires", "tus-resumable", "content-location", "location"),
        *("upload-length", "upload-metadata", "upload-concat", "upload-defer-length"),
        *("tus-version", "tus-extension", "tus-max-size", "tus-checksum-algorithm"),
        *("upload-complete", "upload-limit", "accept-patch", "repr-digest", "retry-after"),
    }
    assert used <= readable


@pytest.fixture(scope="module")
def server_with_key(tmp_path_factory: pytest.TempPathFactory, serve_module: Serve) -> RunningServer:
    data_dir = tmp_path_factory.mktemp("keys") / "data"
    make_key(data_dir, "first")
    return serve_module(data_dir=data_dir)


def add_key(running: RunningServer, name: str) -> str:
    return make_key(running.data_dir, name)


def make_key(data_dir: Path, name: str) -> str:
    return pdfsluice("keys", "add", name, "--data-dir", data_dir).out.split()[0]


def stored_files(running: RunningServer) -> list[Path]:
    folder = running.data_dir / "uploads"
    files = (path for path in folder.rglob("*") if path.name != "identity.lock")  # the store's own
    return [path for path in files if path.is_file() and path.stat().st_size]
