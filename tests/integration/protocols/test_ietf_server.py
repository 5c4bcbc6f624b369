"""What pdfsluice does beyond the letter of the draft on resumable uploads."""

import uuid
from dataclasses import replace

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.ietf import Ietf, digest
from tests.conformance.wire import Server, eventually
from tests.support.servers import RunningServer
from tests.support.stored import documents_of, get_json, hostile_pdf


@pytest.fixture
def ietf(server: RunningServer) -> Ietf:
    return Ietf(Server(server.base_url), "/resumable")


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=200_000)


@pytest.mark.parametrize("version", [6, 7, 8])
def test_every_version_has_its_limits(ietf: Ietf, pdf: bytes, version: int) -> None:
    response = replace(ietf, version=version).post(pdf, complete=True)
    (announced, *_) = [each for each in response.interim if each.status == 104]
    limits = announced.headers.listed("Upload-Limit")
    assert any(limit.startswith("expires=" if version == 6 else "max-age=") for limit in limits)
    assert any(limit.startswith("max-size=") for limit in limits)


def test_result_is_the_document(server: RunningServer, ietf: Ietf, pdf: bytes) -> None:
    response = ietf.post(pdf, complete=True)
    document = get_json(server.base_url + response.headers["Content-Location"])
    answer = response.json()
    assert answer.keys() == {"document", "duplicate"}
    assert not answer["duplicate"]
    assert answer["document"].keys() == document.keys()
    assert answer["document"]["id"] == document["id"]  # the rest changes while it is imported
    assert response.headers["Upload-Offset"] == str(len(pdf))
    assert response.headers["Upload-Complete"] == "?1"
    assert response.headers["Repr-Digest"] == digest(pdf)
    assert len(documents_of(server.base_url, pdf)) == 1


def test_finished_upload_has_the_address_of_the_document(ietf: Ietf, pdf: bytes) -> None:
    """A client whose answer was lost learns from HEAD what became of the upload."""
    url = ietf.create(pdf)
    done = ietf.patch(url, 0, pdf, complete=True)
    assert ietf.head(url).headers["Content-Location"] == done.headers["Content-Location"]


def test_refused_file_is_complete_and_final(ietf: Ietf) -> None:
    pdf = hostile_pdf(uuid.uuid4().hex)
    response = ietf.post(pdf, complete=True)
    assert (response.status, response.headers["Upload-Complete"]) == (422, "?1")
    assert response.json()["code"] == "content-rejected"
    assert ietf.head(response.headers["Location"]).status == 422


def test_options_come_in_the_query(server: RunningServer, ietf: Ietf, pdf: bytes) -> None:
    target = replace(ietf, path="/resumable?title=A%20title&auto_build_index=true")
    with target.server.connect() as connection:
        headers = {"Upload-Complete": "?1", "Content-Length": str(len(pdf))}
        connection.start("POST", target.path, target.headers(headers))
        connection.send(pdf)
        document = connection.finish().json()["document"]
    assert document["title"] == "A title"
    assert document["index_status"] != "none"


@pytest.mark.parametrize("length", [0, 10])
def test_short_body_is_not_the_end(ietf: Ietf, pdf: bytes, length: int) -> None:
    """A body that ends before Upload-Length does not complete the upload."""
    url = ietf.create(pdf)
    response = ietf.patch(url, 0, pdf[:length], complete=True)
    assert (response.status, response.json()["code"]) == (400, "inconsistent-upload-length")
    assert ietf.head(url).headers["Upload-Complete"] == "?0"


def test_gzip_is_refused(ietf: Ietf, pdf: bytes) -> None:
    url = ietf.create(pdf)
    response = ietf.patch(url, 0, b"x", complete=False, Content_Encoding="gzip")
    assert response.status == 415
    assert ietf.offset(url) == 0


def test_empty_file_is_refused(ietf: Ietf) -> None:
    assert 400 <= ietf.post(b"", complete=True).status < 500


def test_name_comes_from_content_disposition(server: RunningServer, ietf: Ietf, pdf: bytes) -> None:
    disposition = "inline; filename=\"x.pdf\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf"
    ietf.post(pdf, complete=True, Content_Disposition=disposition)
    (document,) = documents_of(server.base_url, pdf)
    assert document["filename"] == "Grüße.pdf"


def test_a_returned_offset_is_accepted_although_a_dead_request_continued(
    server: RunningServer, ietf: Ietf
) -> None:
    """Concurrency: a client can use the offset of HEAD; the older request gives way."""
    pdf = make_pdf([uuid.uuid4().hex], noise_per_page=6_000_000)
    url = ietf.create(pdf)
    headers = {
        "Upload-Offset": "0",
        "Upload-Complete": "?1",
        "Content-Type": ietf.media_type,
        "Content-Length": str(len(pdf)),
    }
    with ietf.server.connect() as zombie:
        zombie.start("PATCH", ietf.server.path(url), ietf.headers(headers))
        zombie.send(pdf[:1_000_000])
        told = ietf.offset(url)
        zombie.send(pdf[1_000_000:4_000_000])
        eventually(lambda: ietf.offset(url) > told)
        done = ietf.patch(url, told, pdf[told:], complete=True)
    assert done.status == 200
    assert len(documents_of(server.base_url, pdf)) == 1
