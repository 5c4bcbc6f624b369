"""New versions with the client library: what is sent of them over a counted link."""

import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pikepdf
import pytest

from pdfsluice.client import Client, ClientError, RetryPolicy, TransferProgress
from pdfsluice.client import units as client_units
from pdfsluice.core.documents import units as server_units
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.fault_proxy import Cut, fault_proxy
from tests.support.runtimes import STORES
from tests.support.slow_link import SlowLink
from tests.support.web import WebServer, a_server

MIB = 1024 * 1024
SENTENCE = "The keeper of lock {page} opens the paddles before breakfast, {line} times a year. "


def manual(pages: int = 60) -> bytes:
    """Return a PDF of text, its page contents compressed."""
    texts = ["\n".join(SENTENCE.format(page=n, line=m) for m in range(40)) for n in range(pages)]
    return make_pdf(texts, noise_per_page=20_000)


def saved_again(data: bytes) -> bytes:
    """Return a PDF as qpdf writes it, with an object stream and reversed pages."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.pages.reverse()
        output = io.BytesIO()
        pdf.save(output, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return output.getvalue()


def appended(data: bytes, size: int = 5000) -> bytes:
    """Return a PDF after an incremental save: all of it, and a little more."""
    return data + b"\n9999 0 obj\n<<>>\nstream\n" + os.urandom(size) + b"\nendstream\nendobj\n"


@dataclass(frozen=True)
class Counted:
    """A client on a link whose bytes are counted."""

    client: Client
    link: SlowLink
    server: WebServer


@asynccontextmanager
async def counted(folder: Path) -> AsyncIterator[Counted]:
    link = SlowLink(50 * MIB)
    async with (
        a_server(folder / "data", built_in=(*STORES, "api_keys")) as server,
        fault_proxy(server.port, lambda _number: link) as proxy,
        Client(proxy.base_url) as client,
    ):
        yield Counted(client, link, server)


def test_client_and_server_find_the_same_units() -> None:
    data = manual(20) + os.urandom(100) + b"stream\n" + bytes(600) + b"endstream"

    def read(start: int, end: int) -> bytes:
        return data[start:end]

    own = list(client_units.find_streams(read, len(data), window=1000))
    assert own == list(server_units.find_streams(read, len(data)))
    assert len(own) > 20
    assert client_units.digest_of(read, *own[0]) == server_units.digest_of(read, *own[0])


@pytest.mark.parametrize("checksum", [True, False])
async def test_of_a_new_version_little_is_sent(tmp_path: Path, *, checksum: bool) -> None:
    first, path = manual(), tmp_path / "manual.pdf"
    async with counted(tmp_path) as to:
        path.write_bytes(first)
        document = await to.client.upload(path)
        for change, most in ((appended, 0.02), (saved_again, 0.1), (lambda data: data[:-1], 0.02)):
            path.write_bytes(change(path.read_bytes()))
            before, size = to.link.carried, path.stat().st_size
            heard = list[TransferProgress]()
            document = await to.client.upload(
                path, replaces=document.id, checksum=checksum, on_progress=heard.append
            )
            assert (to.link.carried - before) / size < most + 5000 / size
            await to.client.download(document.id, tmp_path / "back.pdf")
            assert (tmp_path / "back.pdf").read_bytes() == path.read_bytes()
            assert heard[-1].sent_bytes == size
        assert [each.version for each in await to.client.versions(document.id)] == [4, 3, 2, 1]
        again = await to.client.upload(path, replaces=document.id)
        assert (again.id, again.duplicate) == (document.id, True)


async def test_a_base_that_is_deleted_meanwhile_costs_its_bytes_alone(tmp_path: Path) -> None:
    path = tmp_path / "manual.pdf"
    path.write_bytes(manual())
    async with counted(tmp_path) as to:
        document = await to.client.upload(path)
        path.write_bytes(appended(path.read_bytes()))
        stored = await to.server.runtime.library.get(LOCAL, document.id)
        [file] = (tmp_path / "data").rglob(f"*{stored.blob_id}*.pdf")

        def delete(now: TransferProgress) -> None:
            if now.acknowledged_bytes:
                file.unlink(missing_ok=True)

        second = await to.client.upload(
            path, replaces=document.id, chunk_size=65536, on_progress=delete
        )
        assert not file.exists()
        await to.client.download(second.id, tmp_path / "back.pdf")
        assert (tmp_path / "back.pdf").read_bytes() == path.read_bytes()


async def test_a_damaged_base_is_noticed_at_the_piece(tmp_path: Path) -> None:
    path = tmp_path / "manual.pdf"
    path.write_bytes(manual())
    async with counted(tmp_path) as to:
        document = await to.client.upload(path)
        await to.server.runtime.bases.units(LOCAL, document.id)
        stored = await to.server.runtime.library.get(LOCAL, document.id)
        [file] = (tmp_path / "data").rglob(f"*{stored.blob_id}*.pdf")
        file.chmod(0o600)
        with file.open("r+b") as opened:
            opened.seek(1000)
            opened.write(b"####")
        path.write_bytes(appended(path.read_bytes()))
        second = await to.client.upload(path, replaces=document.id)
        await to.client.download(second.id, tmp_path / "back.pdf")
        assert (tmp_path / "back.pdf").read_bytes() == path.read_bytes()


async def test_an_interrupted_version_is_resumed_with_deltas(tmp_path: Path) -> None:
    path = tmp_path / "manual.pdf"
    path.write_bytes(manual())
    link = SlowLink(50 * MIB)

    async with a_server(tmp_path / "data") as server, Client(server.base_url) as client:
        document = await client.upload(path)
        path.write_bytes(appended(path.read_bytes()))
        session = ""

        def note(now: TransferProgress) -> None:
            nonlocal session
            session = now.session_id or session

        hasty = RetryPolicy(patience=0.1, first_pause=0.05)
        async with fault_proxy(server.port, lambda _number: Cut(after=3000)) as proxy:
            with pytest.raises(ClientError):
                async with Client(proxy.base_url, retry=hasty) as broken:
                    await broken.upload(path, replaces=document.id, on_progress=note)
        session = session or (await client.sessions())[0].session_id
        async with (
            fault_proxy(server.port, lambda _number: link) as proxy,
            Client(proxy.base_url) as resuming,
        ):
            second = await resuming.resume(session, path)
        assert second.version == 2
        assert link.carried < path.stat().st_size * 0.05
