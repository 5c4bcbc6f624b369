"""Uploads with the client library against real servers."""

import asyncio
import hashlib
import os
import tracemalloc
import urllib.request
from pathlib import Path

import pytest
from aiohttp import ClientSession

from pdfsluice.client import (
    Client,
    ClientError,
    ContentRejected,
    Document,
    FileChanged,
    NotFound,
    RetryPolicy,
    SessionGone,
    TransferProgress,
    Unreachable,
)
from pdfsluice.core.testing.pdfs import make_pdf, write_large_pdf
from tests.support.fault_proxy import Cut, Fault, LoseAnswer, Stall, fault_proxy
from tests.support.servers import RunningServer, Serve

MIB = 1024 * 1024
SCRIPT = b"""%PDF-1.7
1 0 obj <</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>> endobj
trailer <</Root 1 0 R/Size 4>>
%%EOF
"""


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """A new file of a little over 6 MiB: seven chunks of 1 MiB."""
    path = tmp_path / "report.pdf"
    text = f"Unique {os.urandom(8).hex()} {{number}}"
    write_large_pdf(path, 6 * MIB + 12_345, pages=3, text=text)
    return path


def stored(server: RunningServer, document: Document) -> bytes:
    """Return the document's bytes as the server has them."""
    with urllib.request.urlopen(f"{server.base_url}/api/documents/{document.id}/file") as answer:
        content: bytes = answer.read()
    return content


def patient(seconds: float = 60) -> RetryPolicy:
    return RetryPolicy(patience=seconds, first_pause=0.05, longest_pause=0.3)


async def test_file_arrives_whole_in_parallel_chunks(server: RunningServer, pdf: Path) -> None:
    heard: list[TransferProgress] = []
    async with Client(server.base_url) as client:
        document = await client.upload(
            pdf, title="Yearly report", chunk_size=MIB, parallel=3, on_progress=heard.append
        )

    assert stored(server, document) == pdf.read_bytes()
    assert document.sha256 == hashlib.sha256(pdf.read_bytes()).hexdigest()
    assert (document.title, document.filename) == ("Yearly report", "report.pdf")
    assert not document.duplicate
    assert heard[-1].acknowledged_bytes == heard[-1].sent_bytes == pdf.stat().st_size
    stages = list(dict.fromkeys(now.stage for now in heard))
    assert stages[:2] == ["reading", "uploading"]
    assert "validating" in stages


@pytest.mark.parametrize("hash_first", [True, False])
async def test_duplicate_is_named_and_sent_only_if_unknown(
    server: RunningServer, pdf: Path, *, hash_first: bool
) -> None:
    heard: list[TransferProgress] = []
    async with Client(server.base_url) as client:
        first = await client.upload(pdf)
        again = await client.upload(pdf, hash_first=hash_first, on_progress=heard.append)

    assert again.id == first.id
    assert again.duplicate
    assert heard[-1].sent_bytes == (0 if hash_first else pdf.stat().st_size)


async def test_chunks_are_never_held_whole(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    write_large_pdf(path, 48 * MIB, pages=2)
    async with Client(server.base_url) as client:
        await client.info()  # imports and caches are not what is measured
        tracemalloc.start()
        try:
            await client.upload(path, chunk_size=16 * MIB, parallel=3, check_duplicates=False)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * MIB


@pytest.mark.long
async def test_restart_of_the_server_is_waited_out(serve: Serve, pdf: Path) -> None:
    server = serve()
    chunks_before_the_crash = 2
    crashed = asyncio.Event()

    def crash(now: TransferProgress) -> None:
        if now.acknowledged_bytes >= chunks_before_the_crash * MIB and not crashed.is_set():
            server.kill()
            crashed.set()

    async def start_again() -> None:
        await crashed.wait()
        await asyncio.to_thread(server.start)

    async with Client(server.base_url, retry=patient()) as client:
        restarting = asyncio.create_task(start_again())
        document = await client.upload(pdf, chunk_size=MIB, parallel=2, on_progress=crash)
        await restarting

    assert crashed.is_set()
    assert stored(server, document) == pdf.read_bytes()


@pytest.mark.long
async def test_absent_server_exhausts_patience_and_the_rest_is_sent_later(
    serve: Serve, pdf: Path
) -> None:
    server = serve()
    heard: list[TransferProgress] = []

    def crash(now: TransferProgress) -> None:
        heard.append(now)
        if now.acknowledged_bytes >= 3 * MIB:
            server.kill()

    async with Client(server.base_url, retry=patient(0.5)) as client:
        with pytest.raises(Unreachable):
            await client.upload(pdf, chunk_size=MIB, parallel=1, on_progress=crash)
    session_id = heard[-1].session_id

    server.start()
    resumed: list[TransferProgress] = []
    async with Client(server.base_url) as client:
        (unfinished,) = await client.sessions()
        assert unfinished.session_id == session_id
        document = await client.resume(session_id, pdf, on_progress=resumed.append)

    begun = next(now for now in resumed if now.session_id)
    assert begun.acknowledged_bytes >= 3 * MIB, "what was acknowledged is not sent again"
    assert stored(server, document) == pdf.read_bytes()


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize(
    "fault", [Cut(400_000), Cut(400_000, reset=True), Stall(400_000), LoseAnswer()]
)
async def test_harm_on_the_way_is_made_good(
    server: RunningServer, pdf: Path, fault: Fault, *, checksum: bool
) -> None:
    harmed: list[int] = []

    def every_second(number: int) -> Fault:
        if number % 2 == 0:
            return Fault()
        harmed.append(number)
        return fault

    async with (
        fault_proxy(server.port, every_second) as proxy,
        Client(proxy.base_url, retry=patient(), timeout=1) as client,
    ):
        document = await client.upload(pdf, chunk_size=MIB, parallel=3, checksum=checksum)

    assert harmed
    assert stored(server, document) == pdf.read_bytes()


@pytest.mark.long
async def test_busy_server_is_given_time(serve: Serve, pdf: Path) -> None:
    server = serve(STREAMING_MAX_CONCURRENT_UPLOADS="1")
    async with Client(server.base_url, retry=patient()) as client:
        copies = [pdf.with_name(f"{number}.pdf") for number in range(3)]
        for number, copy in enumerate(copies):
            copy.write_bytes(pdf.read_bytes() + b"%" * number)
        documents = await asyncio.gather(
            *(client.upload(copy, chunk_size=MIB, parallel=2) for copy in copies)
        )
    assert len({document.id for document in documents}) == 3


async def test_refusal_is_raised_with_what_was_found(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "script.pdf"
    path.write_bytes(SCRIPT)
    async with Client(server.base_url) as client:
        with pytest.raises(ContentRejected) as caught:
            await client.upload(path)
    assert "javascript" in {finding.kind for finding in caught.value.findings}


async def test_file_that_changes_under_way_is_not_completed(
    server: RunningServer, pdf: Path
) -> None:
    def append(now: TransferProgress) -> None:
        if now.acknowledged_bytes == now.total_bytes:
            with pdf.open("ab") as file:
                file.write(b"more")

    async with Client(server.base_url) as client:
        with pytest.raises(FileChanged):
            await client.upload(pdf, chunk_size=MIB, parallel=1, on_progress=append)


async def test_file_that_shrinks_under_way_is_no_broken_line(
    server: RunningServer, pdf: Path
) -> None:
    def shrink(now: TransferProgress) -> None:
        if now.sent_bytes:
            os.truncate(pdf, 1000)

    async with Client(server.base_url, retry=patient(5)) as client:
        with pytest.raises(FileChanged):
            await client.upload(pdf, parallel=1, checksum=False, on_progress=shrink)


@pytest.mark.long
@pytest.mark.parametrize("hash_first", [True, False])
async def test_another_file_does_not_continue_an_upload(
    serve: Serve, pdf: Path, *, hash_first: bool
) -> None:
    server = serve()
    heard: list[TransferProgress] = []
    other = pdf.with_name("other.pdf")
    other.write_bytes(pdf.read_bytes()[:-1] + b"#")

    def stop(now: TransferProgress) -> None:
        heard.append(now)
        if now.acknowledged_bytes:
            raise KeyError("stop here")

    async with Client(server.base_url) as client:
        with pytest.raises(KeyError):
            await client.upload(
                pdf, chunk_size=MIB, parallel=1, hash_first=hash_first, on_progress=stop
            )
        session_id = heard[-1].session_id
        stored_before = (await client.session(session_id)).durable_bytes
        with pytest.raises(FileChanged, match="is not the file"):
            await client.resume(session_id, other)
        assert (await client.session(session_id)).durable_bytes == stored_before
        await client.cancel(session_id)
        with pytest.raises(SessionGone):
            await client.resume(session_id, pdf)
        assert await client.sessions() == ()


@pytest.mark.long
@pytest.mark.parametrize("keep_time", [True, False], ids=["same-mtime", "new-mtime"])
async def test_a_file_edited_between_two_attempts_is_not_stored(
    serve: Serve, pdf: Path, *, keep_time: bool
) -> None:
    """The edit lies between the samples of the fingerprint, in bytes already sent."""
    server = serve()
    heard: list[TransferProgress] = []

    def stop(now: TransferProgress) -> None:
        heard.append(now)
        if now.acknowledged_bytes >= 2 * MIB:
            raise KeyError("stop here")

    before = pdf.stat()
    async with Client(server.base_url) as client:
        with pytest.raises(KeyError):
            await client.upload(pdf, chunk_size=MIB, parallel=1, hash_first=False, on_progress=stop)
        with pdf.open("r+b") as file:
            file.seek(200 * 1024)
            file.write(b"edited")
        if keep_time:
            os.utime(pdf, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(FileChanged, match="changed after its upload began"):
            await client.resume(heard[-1].session_id, pdf)
        assert [each async for each in client.documents()] == []
        document = await client.upload(pdf, chunk_size=MIB, hash_first=False)
    assert stored(server, document) == pdf.read_bytes()


async def test_a_file_edited_while_it_is_sent_is_not_stored(
    server: RunningServer, pdf: Path
) -> None:
    before = pdf.stat()

    def edit(now: TransferProgress) -> None:
        if now.acknowledged_bytes == 2 * MIB:
            with pdf.open("r+b") as file:
                file.seek(4 * MIB + 77)
                file.write(b"edited")
            os.utime(pdf, ns=(before.st_atime_ns, before.st_mtime_ns))

    async with Client(server.base_url) as client:
        with pytest.raises(FileChanged):
            await client.upload(pdf, chunk_size=MIB, parallel=1, hash_first=True, on_progress=edit)


@pytest.mark.parametrize("stored_chunks", [0, 2])
async def test_a_session_without_details_of_its_file_is_compared_by_bytes(
    server: RunningServer, pdf: Path, stored_chunks: int
) -> None:
    """Other clients begin sessions too, without a digest or a fingerprint."""
    other = pdf.with_name("other.pdf")
    content = bytearray(pdf.read_bytes())
    content[2 * MIB - 1] ^= 1
    other.write_bytes(content)
    streaming = f"{server.base_url}/api/documents/streaming"
    wanted = {"filename": "any.pdf", "file_size": pdf.stat().st_size, "chunk_size": MIB}
    async with ClientSession() as http, Client(server.base_url) as client:
        async with http.post(f"{streaming}/initiate", json=wanted) as answer:
            session_id = (await answer.json())["session_id"]
        for chunk in range(stored_chunks):
            async with http.put(
                f"{streaming}/chunk/{session_id}?chunk_id={chunk}",
                data=pdf.read_bytes()[chunk * MIB : (chunk + 1) * MIB],
                headers={"Content-Type": "application/octet-stream"},
            ) as answer:
                assert answer.status == 200
        if stored_chunks:
            with pytest.raises(FileChanged):
                await client.resume(session_id, other)
            assert (await client.session(session_id)).durable_bytes == stored_chunks * MIB
        document = await client.resume(session_id, pdf)
    assert stored(server, document) == pdf.read_bytes()


async def test_a_session_that_has_a_part_of_a_chunk_is_compared_by_its_bytes(
    server: RunningServer, pdf: Path
) -> None:
    streaming = f"{server.base_url}/api/documents/streaming"
    wanted = {"filename": "any.pdf", "file_size": pdf.stat().st_size, "chunk_size": MIB}
    other = pdf.with_name("other.pdf")
    other.write_bytes(pdf.read_bytes().replace(b"%PDF", b"%FDP", 1))
    async with ClientSession() as http, Client(server.base_url) as client:
        async with http.post(f"{streaming}/initiate", json=wanted) as answer:
            session_id = (await answer.json())["session_id"]
        async with http.put(
            f"{streaming}/chunk/{session_id}?chunk_offset=0",
            data=pdf.read_bytes()[:1000],
            headers={"Content-Type": "application/octet-stream"},
        ) as answer:
            assert answer.status == 200
        with pytest.raises(FileChanged):
            await client.resume(session_id, other)
        document = await client.resume(session_id, pdf)
    assert stored(server, document) == pdf.read_bytes()


async def test_an_upload_whose_size_only_its_client_knows_is_left_to_it(
    server: RunningServer, pdf: Path
) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Defer-Length": "1"}
    async with ClientSession() as http, Client(server.base_url) as client:
        async with http.post(f"{server.base_url}/files", headers=headers) as answer:
            session_id = answer.headers["Location"].rpartition("/")[2]
        with pytest.raises(ClientError, match="how long") as caught:
            await client.resume(session_id, pdf)
        session = await client.session(session_id)
    assert (caught.value.code, caught.value.retryable) == ("size-unknown", False)
    assert "the client that began it" in caught.value.hint
    assert (session.status, session.durable_bytes) == ("created", 0)


async def test_a_name_that_is_not_utf_8_is_sent_as_far_as_it_can_be_read(
    server: RunningServer, pdf: Path
) -> None:
    path = pdf.rename(pdf.with_name(os.fsdecode(b"caf\xe9.pdf")))
    async with Client(server.base_url) as client:
        document = await client.upload(path, title=path.stem)
    assert (document.filename, document.title) == ("caf\ufffd.pdf", "caf\ufffd")


async def test_completed_upload_can_be_resumed_for_its_answer(
    server: RunningServer, tmp_path: Path
) -> None:
    path = tmp_path / "small.pdf"
    path.write_bytes(make_pdf([f"Small and unique {os.urandom(8).hex()}"]))
    heard: list[TransferProgress] = []
    async with Client(server.base_url) as client:
        document = await client.upload(path, on_progress=heard.append)
        again = await client.resume(heard[-1].session_id, path)
    assert again.id == document.id


async def test_unknown_session_and_absent_server(server: RunningServer, pdf: Path) -> None:
    async with Client(server.base_url) as client:
        with pytest.raises(NotFound):
            await client.resume("00000000-0000-4000-8000-000000000000", pdf)
    async with Client("http://127.0.0.1:1", retry=patient(3600)) as client:
        with pytest.raises(Unreachable, match="cannot be reached"):
            await client.upload(pdf)
