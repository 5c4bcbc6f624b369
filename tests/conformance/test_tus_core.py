"""tus 1.0, Core Protocol. Each test names the requirement in its docstring."""

from collections.abc import Callable

import pytest

from tests.conformance.tus import Tus
from tests.conformance.wire import eventually

NewPdf = Callable[[int], bytes]
GONE = {403, 404, 410}


def test_options_lists_the_versions(tus: Tus) -> None:
    """OPTIONS: a successful response (204 or 200) MUST contain Tus-Version."""
    response = tus.server.request("OPTIONS", tus.path)
    assert response.status in {200, 204}
    assert "1.0.0" in response.headers.listed("Tus-Version")


def test_options_ignores_the_version_of_the_client(tus: Tus) -> None:
    """OPTIONS: the server MUST ignore Tus-Resumable."""
    response = tus.server.request("OPTIONS", tus.path, {"Tus-Resumable": "9.9.9"})
    assert response.status in {200, 204}


def test_announced_size_is_a_number(tus: Tus) -> None:
    """Tus-Max-Size MUST be a non-negative integer."""
    size = tus.options.headers.get("tus-max-size")
    assert size is None or size.isdigit()


def test_every_response_names_the_version(tus: Tus, new_pdf: NewPdf) -> None:
    """Tus-Resumable MUST be included in every response."""
    url = tus.create(new_pdf(0))
    responses = [
        tus.request("HEAD", url),
        tus.request("PATCH", url, {"Upload-Offset": "7"}, b"x"),
        tus.request("HEAD", tus.unknown_url),
        tus.request("POST", tus.path),
        tus.patch(url, 0, b"%PDF-"),
    ]
    assert {response.headers.get("tus-resumable") for response in responses} == {"1.0.0"}


@pytest.mark.parametrize("version", ["0.2.2", "2.0.0", "x"])
def test_foreign_version_is_refused_and_not_processed(
    tus: Tus, new_pdf: NewPdf, version: str
) -> None:
    """An unsupported version MUST get 412 with Tus-Version, and MUST NOT be processed."""
    url = tus.create(new_pdf(0))
    response = tus.patch(url, 0, b"%PDF-", **{"Tus-Resumable": version})
    assert response.status == 412
    assert "1.0.0" in response.headers.listed("Tus-Version")
    assert tus.offset(url) == 0


def test_request_without_a_version_is_refused(tus: Tus, new_pdf: NewPdf) -> None:
    """Tus-Resumable MUST be included in every request except OPTIONS."""
    url = tus.create(new_pdf(0))
    response = tus.server.request("HEAD", url)
    assert response.status in {400, 412}


def test_head_returns_offset_and_length(tus: Tus, new_pdf: NewPdf) -> None:
    """HEAD MUST include Upload-Offset even if 0, and Upload-Length if it is known."""
    pdf = new_pdf(0)
    response = tus.request("HEAD", tus.create(pdf))
    assert response.status in {200, 204}
    assert response.headers["Upload-Offset"] == "0"
    assert response.headers["Upload-Length"] == str(len(pdf))


def test_head_must_not_be_cached(tus: Tus, new_pdf: NewPdf) -> None:
    """HEAD: the server MUST add Cache-Control: no-store."""
    response = tus.request("HEAD", tus.create(new_pdf(0)))
    assert "no-store" in response.headers.listed("Cache-Control")


def test_head_of_a_completed_upload(tus: Tus, new_pdf: NewPdf) -> None:
    """HEAD MUST include Upload-Offset even if the upload is already completed."""
    pdf = new_pdf(0)
    url = tus.create(pdf)
    tus.patch(url, 0, pdf)
    assert tus.offset(url) == len(pdf)


def test_head_of_nothing(tus: Tus) -> None:
    """HEAD: an unknown resource SHOULD be 404, 410 or 403, without Upload-Offset."""
    response = tus.request("HEAD", tus.unknown_url)
    assert response.status in GONE
    assert "Upload-Offset" not in response.headers


def test_patches_add_up(tus: Tus, new_pdf: NewPdf) -> None:
    """PATCH MUST be acknowledged with 204 and the new offset."""
    pdf = new_pdf(0)
    url = tus.create(pdf)
    for start, end in ((0, 100), (100, 101), (101, len(pdf))):
        response = tus.patch(url, start, pdf[start:end])
        assert response.status == 204
        assert response.headers["Upload-Offset"] == str(end)


@pytest.mark.parametrize("wrong", [0, 99, 101, 10**12])
def test_wrong_offset_is_a_conflict(tus: Tus, new_pdf: NewPdf, wrong: int) -> None:
    """PATCH at another offset MUST get 409 and MUST NOT modify the upload."""
    pdf = new_pdf(0)
    url = tus.create(pdf)
    tus.patch(url, 0, pdf[:100])
    assert tus.patch(url, wrong, b"other").status == 409
    assert tus.offset(url) == 100
    assert tus.patch(url, 100, pdf[100:]).status == 204


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "0x0", "٣", "9" * 40])
def test_offset_that_is_no_number(tus: Tus, new_pdf: NewPdf, offset: str) -> None:
    """Upload-Offset MUST be a non-negative integer."""
    url = tus.create(new_pdf(0))
    headers = {"Upload-Offset": offset.encode().decode("latin-1"), "Content-Type": tus.media_type}
    assert 400 <= tus.request("PATCH", url, headers, b"x").status < 500
    assert tus.offset(url) == 0


def test_patch_needs_its_media_type(tus: Tus, new_pdf: NewPdf) -> None:
    """PATCH with another Content-Type SHOULD get 415."""
    url = tus.create(new_pdf(0))
    response = tus.patch(url, 0, b"%PDF-", **{"Content-Type": "application/octet-stream"})
    assert response.status == 415
    assert tus.offset(url) == 0


def test_patch_of_nothing(tus: Tus) -> None:
    """PATCH against a non-existent resource SHOULD get 404."""
    assert tus.patch(tus.unknown_url, 0, b"x").status in GONE


def test_patch_beyond_the_length(tus: Tus, new_pdf: NewPdf) -> None:
    """The offset cannot pass Upload-Length; nothing after it is kept."""
    pdf = new_pdf(0)
    url = tus.create(pdf)
    assert 400 <= tus.patch(url, 0, pdf + b"stray").status < 500
    position = tus.offset(url)
    assert position <= len(pdf)
    assert tus.patch(url, position, pdf[position:]).status == 204


def test_patch_in_chunks_of_unknown_length(tus: Tus, new_pdf: NewPdf) -> None:
    """PATCH: a body may come with Transfer-Encoding: chunked."""
    pdf = new_pdf(0)
    url = tus.create(pdf)
    headers = {"Upload-Offset": "0", "Transfer-Encoding": "chunked"}
    with tus.server.connect() as connection:
        connection.start("PATCH", tus.server.path(url), tus.headers(headers))
        for start in range(0, len(pdf), 300):
            connection.send_chunk(pdf[start : start + 300])
        connection.send_chunk(b"")
        response = connection.finish()
    assert (response.status, response.headers["Upload-Offset"]) == (204, str(len(pdf)))


@pytest.mark.parametrize("reset", [False, True])
def test_what_came_before_a_break_is_kept(tus: Tus, new_pdf: NewPdf, *, reset: bool) -> None:
    """PATCH: the server SHOULD store as much of the received data as possible."""
    pdf = new_pdf(300_000)
    url = tus.create(pdf)
    headers = {"Upload-Offset": "0", "Content-Length": str(len(pdf))}
    with tus.server.connect() as connection:
        connection.start("PATCH", tus.server.path(url), tus.headers(headers))
        connection.send(pdf[:200_000])
        if not reset:
            connection.close()
        else:
            eventually(lambda: tus.offset(url) or True)
            connection.close(reset=True)
    position = 0 if reset else eventually(lambda: tus.offset(url))
    assert position <= 200_000

    def finish() -> bool:
        at = tus.offset(url)
        return at == len(pdf) or tus.patch(url, at, pdf[at:]).status == 204

    assert eventually(finish)


def test_head_leaves_a_running_patch_alone(tus: Tus, new_pdf: NewPdf) -> None:
    """HEAD reports; it does not end a PATCH that is under way."""
    pdf = new_pdf(100_000)
    url = tus.create(pdf)
    headers = {"Upload-Offset": "0", "Content-Length": str(len(pdf))}
    with tus.server.connect() as connection:
        connection.start("PATCH", tus.server.path(url), tus.headers(headers))
        for start in range(0, len(pdf), 20_000):
            connection.send(pdf[start : start + 20_000])
            assert tus.request("HEAD", url).status in {200, 204}
        assert connection.finish().status == 204


@pytest.mark.parametrize("real", ["POST", "GET", "PUT"])
def test_method_override(tus: Tus, new_pdf: NewPdf, real: str) -> None:
    """X-HTTP-Method-Override MUST replace the method; the real one MUST be ignored."""
    pdf = new_pdf(0)
    url = tus.create(pdf)
    headers = {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    response = tus.request(real, url, tus.headers(headers), pdf)
    assert (response.status, response.headers["Upload-Offset"]) == (204, str(len(pdf)))
