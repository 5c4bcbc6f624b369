"""Downloads with the client library, over links that break, and in parallel."""

import asyncio
import os
from pathlib import Path

import pytest

from pdfsluice.client import (
    Client,
    ClientError,
    DigestMismatch,
    Document,
    NotFound,
    RetryPolicy,
)
from pdfsluice.client.download import part_of
from pdfsluice.core.testing.pdfs import write_large_pdf
from tests.support.commands import Outcome, pdfsluice, pdfsluice_here
from tests.support.fault_proxy import CutAnswer, Fault, fault_proxy
from tests.support.servers import RunningServer

MIB = 1024 * 1024


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    write_large_pdf(path, 3 * MIB, pages=2, text=f"Unique {os.urandom(8).hex()} {{number}}")
    return path


async def uploaded(server: RunningServer, pdf: Path) -> Document:
    async with Client(server.base_url) as client:
        return await client.upload(pdf)


async def test_a_file_comes_back_as_it_went(server: RunningServer, pdf: Path) -> None:
    document = await uploaded(server, pdf)
    target = pdf.with_name("back.pdf")
    target.write_bytes(b"what was there before")
    heard: list[tuple[int, int]] = []
    async with Client(server.base_url) as client:
        fetched = await client.download(
            document.id, target, on_progress=lambda arrived, total: heard.append((arrived, total))
        )
    assert fetched.id == document.id
    assert target.read_bytes() == pdf.read_bytes()
    assert heard[0] == (0, document.file_size)
    assert heard[-1] == (document.file_size, document.file_size)
    assert sorted(path.name for path in pdf.parent.iterdir()) == ["back.pdf", "report.pdf"]


async def test_a_line_that_breaks_again_and_again_only_delays(
    server: RunningServer, pdf: Path
) -> None:
    document = await uploaded(server, pdf)
    target = pdf.with_name("back.pdf")
    policy = RetryPolicy(first_pause=0.01, longest_pause=0.05)
    async with (
        fault_proxy(server.port, lambda _number: CutAnswer(700_000)) as proxy,
        Client(proxy.base_url, retry=policy) as client,
    ):
        await client.download(document.id, target)
    assert proxy.connections >= 5
    assert target.read_bytes() == pdf.read_bytes()


async def test_what_had_arrived_is_not_fetched_again(server: RunningServer, pdf: Path) -> None:
    document = await uploaded(server, pdf)
    target = pdf.with_name("back.pdf")
    first = RetryPolicy(patience=0.0)

    def once(number: int) -> Fault:
        return CutAnswer(MIB) if number == 0 else Fault()

    async with fault_proxy(server.port, once) as proxy:
        async with Client(proxy.base_url, retry=first) as client:
            with pytest.raises(ClientError):
                await client.download(document.id, target)
        assert not target.exists()
        kept = part_of(target, document).stat().st_size
        assert kept > MIB // 2
        heard: list[int] = []
        async with Client(proxy.base_url) as client:
            await client.download(
                document.id, target, on_progress=lambda arrived, _total: heard.append(arrived)
            )
    assert heard[0] == kept
    assert target.read_bytes() == pdf.read_bytes()


@pytest.mark.parametrize("rest", [b"", b"too long"])
async def test_bytes_that_are_wrong_never_get_the_name(
    server: RunningServer, pdf: Path, rest: bytes
) -> None:
    document = await uploaded(server, pdf)
    target = pdf.with_name("back.pdf")
    target.write_bytes(b"precious")
    part = part_of(target, document)
    async with Client(server.base_url) as client:
        part.write_bytes(bytes(document.file_size))
        with pytest.raises(DigestMismatch):
            await client.download(document.id, target)
        assert target.read_bytes() == b"precious"
        assert not part.exists()
        part.write_bytes(bytes(document.file_size) + rest)
        if rest:
            await client.download(document.id, target)
            assert target.read_bytes() == pdf.read_bytes()


async def test_what_cannot_be_fetched_or_written_is_reported(
    server: RunningServer, pdf: Path
) -> None:
    document = await uploaded(server, pdf)
    async with Client(server.base_url) as client:
        with pytest.raises(NotFound):
            await client.download(999_999, pdf.with_name("back.pdf"))
        with pytest.raises(ClientError, match="cannot be written") as caught:
            await client.download(document.id, pdf.with_name("absent") / "back.pdf")
    assert caught.value.code == "file-unwritable"


async def test_a_second_download_to_the_same_place_leaves_the_first_alone(
    server: RunningServer, pdf: Path
) -> None:
    document = await uploaded(server, pdf)
    target = pdf.with_name("back.pdf")
    others: list[Outcome] = []

    def rival(_arrived: int, _total: int) -> None:
        if not others:
            at = ("--server", server.base_url, "-o", target)
            others.append(pdfsluice("download", str(document.id), *at))

    async with Client(server.base_url) as client:
        await client.download(document.id, target, on_progress=rival)
    assert target.read_bytes() == pdf.read_bytes()
    assert others[0].code != 0
    assert "under way" in others[0].err


async def test_many_downloads_to_the_same_place_make_one_whole_file(
    server: RunningServer, pdf: Path
) -> None:
    document = await uploaded(server, pdf)
    target = pdf.with_name("back.pdf")
    async with Client(server.base_url) as client:
        ended = await asyncio.gather(
            *(client.download(document.id, target) for _ in range(8)), return_exceptions=True
        )
    failed = [error for error in ended if isinstance(error, BaseException)]
    assert len(failed) < len(ended)
    assert {getattr(error, "code", error) for error in failed} <= {"download-running"}
    assert target.read_bytes() == pdf.read_bytes()


async def test_what_is_checked_is_the_file_and_not_what_came(
    server: RunningServer, pdf: Path
) -> None:
    document = await uploaded(server, pdf)
    target = pdf.with_name("back.pdf")

    def spoil(arrived: int, total: int) -> None:
        if arrived == total:
            with part_of(target, document).open("r+b") as file:
                file.write(b"spoiled")

    async with Client(server.base_url) as client:
        with pytest.raises(DigestMismatch):
            await client.download(document.id, target, on_progress=spoil)
        assert not target.exists()
        await client.download(document.id, target)
    assert target.read_bytes() == pdf.read_bytes()


@pytest.mark.parametrize("name", ["r" * 251 + ".pdf", "\N{CJK UNIFIED IDEOGRAPH-66F8}" * 85])
async def test_a_file_with_a_long_name_comes_back(
    server: RunningServer, pdf: Path, name: str
) -> None:
    document = await uploaded(server, pdf.rename(pdf.with_name(name)))
    target = pdf.with_name("back")
    target.mkdir()
    async with Client(server.base_url) as client:
        await client.download(document.id, target / name)
    assert (target / name).read_bytes() == pdf.with_name(name).read_bytes()


@pytest.mark.parametrize("identity", [None, "identity"])
async def test_what_is_no_file_is_never_replaced(
    server: RunningServer, pdf: Path, identity: str | None
) -> None:
    document = await uploaded(server, pdf)
    pipe = pdf.with_name("pipe")
    os.mkfifo(pipe)
    secret = None if identity is None else pdf.with_name(identity)
    async with Client(server.base_url) as client:
        with pytest.raises(ClientError, match="is a device or a pipe"):
            await client.download(document.id, pipe, identity=secret)
    words = ("download", str(document.id), "--force", "-o", pipe, "--server", server.base_url)
    forced = await asyncio.to_thread(pdfsluice_here, *words)
    assert (forced.code, "is a device or a pipe" in forced.err) == (1, True)
    assert pipe.is_fifo()
    assert sorted(path.name for path in pdf.parent.iterdir()) == ["pipe", "report.pdf"]


async def test_a_folder_is_refused_before_anything_is_fetched(
    server: RunningServer, pdf: Path
) -> None:
    document = await uploaded(server, pdf)
    heard: list[int] = []
    async with Client(server.base_url) as client:
        with pytest.raises(ClientError, match="is a folder"):
            await client.download(
                document.id, pdf.parent, on_progress=lambda arrived, _total: heard.append(arrived)
            )
    assert heard == []
