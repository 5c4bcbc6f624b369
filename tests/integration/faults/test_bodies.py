"""Bodies that break their framing: too long, too short, without a length."""

import gzip
import uuid

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.ietf import Ietf
from tests.conformance.tus import Tus
from tests.conformance.wire import Connection, Server, eventually
from tests.support.servers import RunningServer
from tests.support.stored import documents_of


@pytest.fixture
def tus(server: RunningServer) -> Tus:
    return Tus(Server(server.base_url), "/files")


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=3_000_000)


def begin(tus: Tus, connection: Connection, url: str, **framing: str) -> None:
    named = {name.replace("_", "-"): value for name, value in framing.items()}
    headers = tus.headers({"Upload-Offset": "0", **named})
    connection.start("PATCH", tus.server.path(url), headers)


def finish(server: RunningServer, tus: Tus, url: str, pdf: bytes) -> None:
    """The upload can still be finished, and has the right bytes in the end."""
    position = tus.offset(url)
    assert tus.patch(url, position, pdf[position:]).status == 204
    assert len(documents_of(server.base_url, pdf)) == 1


def test_more_than_announced_is_not_part_of_the_body(
    server: RunningServer, tus: Tus, pdf: bytes
) -> None:
    """What follows Content-Length is another request, or rubbish; never the file."""
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        begin(tus, connection, url, Content_Length="1000")
        connection.send(pdf[:1000] + b"\0" * 5000)
        assert connection.finish().status in {204, 400}
    assert tus.offset(url) in {0, 1000}
    finish(server, tus, url, pdf)


def test_less_than_announced_keeps_what_came(server: RunningServer, tus: Tus, pdf: bytes) -> None:
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        begin(tus, connection, url, Content_Length=str(len(pdf)))
        connection.send(pdf[:500_000])
    assert eventually(lambda: tus.offset(url)) <= 500_000
    finish(server, tus, url, pdf)


def test_announced_overrun_is_refused_before_it_is_read(tus: Tus, pdf: bytes) -> None:
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        length = str(len(pdf) + 1)
        begin(tus, connection, url, Content_Length=length, Expect="100-continue")
        response = connection.finish()
    assert (response.status, response.interim) == (413, ())
    assert tus.offset(url) == 0


def test_overrun_in_chunks_leaves_no_stray_bytes(
    server: RunningServer, tus: Tus, pdf: bytes
) -> None:
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        begin(tus, connection, url, Transfer_Encoding="chunked")
        connection.send_chunk(pdf[:-10])
        connection.send_chunk(pdf[-10:] + b"stray")
        connection.send_chunk(b"")
        assert connection.finish().status == 413
    assert tus.offset(url) < len(pdf)
    finish(server, tus, url, pdf)


@pytest.mark.parametrize("end", [b"", b"zz\r\n", b"5\r", b"5", b"-1\r\n", b"ffffffffffffffff\r\n"])
def test_broken_chunks_keep_what_was_whole(
    server: RunningServer, tus: Tus, pdf: bytes, end: bytes
) -> None:
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        begin(tus, connection, url, Transfer_Encoding="chunked")
        connection.send_chunk(pdf[:400_000])
        connection.send(end)
    assert eventually(lambda: tus.offset(url)) <= 400_000
    finish(server, tus, url, pdf)


@pytest.mark.parametrize(
    "framing",
    [
        {"Content_Length": "-1"},
        {"Content_Length": "+5"},
        {"Content_Length": "5,6"},
        {"Content_Length": "5", "Transfer_Encoding": "chunked"},
        {"Transfer_Encoding": "chunked, chunked"},
        {"Transfer_Encoding": "xchunked"},
    ],
    ids=str,
)
def test_ambiguous_framing_is_refused(tus: Tus, pdf: bytes, framing: dict[str, str]) -> None:
    """RFC 9112, 6.3: two readings of the end of a body allow request smuggling."""
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        begin(tus, connection, url, **framing)
        connection.send(b"5\r\n%PDF-\r\n0\r\n\r\n")
        assert connection.finish().status == 400
    assert tus.offset(url) == 0


def test_no_length_is_no_body(tus: Tus, pdf: bytes) -> None:
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        begin(tus, connection, url)
        connection.send(b"rubbish that is no request\r\n\r\n")
        assert connection.finish().status in {204, 400}
    assert tus.offset(url) == 0


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "GZip", "gzip, identity"])
def test_compressed_bodies_are_not_inflated(tus: Tus, encoding: str) -> None:
    """Ten megabytes of zeros in ten kilobytes: neither inflated nor stored."""
    bomb = gzip.compress(bytes(10_000_000))
    url = tus.post(Upload_Length="10000000").headers["Location"]
    assert tus.patch(url, 0, bomb, **{"Content-Encoding": encoding}).status == 415
    assert tus.offset(url) == 0


def test_a_checksum_makes_a_chunk_whole_or_nothing(
    server: RunningServer, tus: Tus, pdf: bytes
) -> None:
    """A broken body with a checksum leaves nothing, not even its good beginning."""
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        checksum = "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="
        begin(tus, connection, url, Content_Length=str(len(pdf)), Upload_Checksum=checksum)
        connection.send(pdf[:-1])

    def send_whole() -> int:
        response = tus.patch(url, 0, pdf, **{"Upload-Checksum": checksum})
        return response.status if response.status != 409 else 0  # the broken one came later

    assert eventually(send_whole) == 460
    assert tus.offset(url) == 0
    finish(server, tus, url, pdf)


def test_an_ietf_upload_that_runs_over_is_dead(server: RunningServer, pdf: bytes) -> None:
    ietf = Ietf(Server(server.base_url), "/resumable")
    url = ietf.create(pdf)
    headers = {
        "Upload-Offset": "0",
        "Upload-Complete": "?1",
        "Content-Type": ietf.media_type,
        "Transfer-Encoding": "chunked",
    }
    with ietf.server.connect() as connection:
        connection.start("PATCH", ietf.server.path(url), ietf.headers(headers))
        connection.send_chunk(pdf + b"stray")
        connection.send_chunk(b"")
        assert connection.finish().status == 413
    assert ietf.head(url).status == 410
    assert not documents_of(server.base_url, pdf)
