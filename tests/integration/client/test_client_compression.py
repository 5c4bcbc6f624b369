"""Uploads with compressed pieces: what is sent, and what the server stores."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from pdfsluice.client import Client, RetryPolicy, TransferProgress
from pdfsluice.core import ChunkIntent, GateSpec, PluginContext, Session, hookimpl
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.fault_proxy import Cut, fault_proxy
from tests.support.shares import crossed
from tests.support.slow_link import SlowLink
from tests.support.web import a_server

KIB = 1024
MIB = 1024 * KIB
SENTENCE = "The keeper of lock {page} opens the paddles before breakfast, {line} times a year. "


def plain_pdf(path: Path, pages: int = 600) -> Path:
    """Write a PDF without compressed streams, as some generators of reports do."""
    texts = ["\n".join(SENTENCE.format(page=n, line=m) for m in range(40)) for n in range(pages)]
    path.write_bytes(make_pdf(texts, compress=False))
    return path


def pictures(path: Path, size: int = 3 * MIB) -> Path:
    path.write_bytes(b"%PDF-1.7\n" + os.urandom(size))
    return path


@dataclass(eq=False)
class Codings:
    """A gate that remembers the content coding of each chunk."""

    seen: list[str] = field(default_factory=list)

    @hookimpl
    def pdfsluice_register_gates(self, context: PluginContext) -> list[GateSpec]:
        del context
        return [GateSpec(name="codings", gate=self)]

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:
        del session
        self.seen.append(chunk.headers.get("content-encoding", ""))
        yield


@pytest.mark.long
@pytest.mark.parametrize(
    ("codings", "checksum"), crossed([("zstd", "gzip"), ("gzip",)], [True, False], every=2)
)
async def test_a_plain_pdf_needs_a_fraction_of_the_line(
    tmp_path: Path, codings: tuple[str, ...], *, checksum: bool
) -> None:
    path, gate, heard = plain_pdf(tmp_path / "plain.pdf"), Codings(), list[TransferProgress]()
    link = SlowLink(20 * MIB)
    async with (
        a_server(tmp_path / "data", gate, chunk_codings=codings) as server,
        fault_proxy(server.port, lambda _number: link) as proxy,
        Client(proxy.base_url) as client,
    ):
        document = await client.upload(path, checksum=checksum, on_progress=heard.append)
        await client.download(document.id, tmp_path / "back.pdf")
    assert (tmp_path / "back.pdf").read_bytes() == path.read_bytes()
    assert set(gate.seen) == {codings[0]}
    assert link.carried < path.stat().st_size / 3
    sent = [now.sent_bytes for now in heard]
    assert sent[-1] == path.stat().st_size
    assert sent == sorted(sent)


async def test_what_does_not_become_smaller_is_sent_as_it_is(tmp_path: Path) -> None:
    path, gate, link = pictures(tmp_path / "scan.pdf"), Codings(), SlowLink(20 * MIB)
    async with (
        a_server(tmp_path / "data", gate) as server,
        fault_proxy(server.port, lambda _number: link) as proxy,
        Client(proxy.base_url) as client,
    ):
        await client.upload(path)
    assert set(gate.seen) == {""}
    assert link.carried < path.stat().st_size * 1.02


@pytest.mark.parametrize(("compress", "codings"), [(False, ("zstd", "gzip")), (True, ())])
async def test_nothing_is_compressed_unless_both_sides_want_it(
    tmp_path: Path, codings: tuple[str, ...], *, compress: bool
) -> None:
    path, gate = plain_pdf(tmp_path / "plain.pdf", pages=50), Codings()
    async with (
        a_server(tmp_path / "data", gate, chunk_codings=codings) as server,
        Client(server.base_url) as client,
    ):
        await client.upload(path, compress=compress)
    assert set(gate.seen) == {""}


async def test_lines_that_break_only_delay_a_compressed_upload(tmp_path: Path) -> None:
    path = plain_pdf(tmp_path / "plain.pdf")
    policy = RetryPolicy(patience=60, first_pause=0.05, longest_pause=0.3)
    async with (
        a_server(tmp_path / "data") as server,
        fault_proxy(server.port, lambda _number: Cut(20 * KIB)) as proxy,
        Client(proxy.base_url, retry=policy) as client,
    ):
        document = await client.upload(path)
        await client.download(document.id, tmp_path / "back.pdf")
    assert proxy.connections > 3
    assert (tmp_path / "back.pdf").read_bytes() == path.read_bytes()


async def test_a_proxy_that_refuses_compressed_bodies_is_no_obstacle(tmp_path: Path) -> None:
    path, gate, refused = plain_pdf(tmp_path / "plain.pdf"), Codings(), list[str]()

    async with (
        a_server(tmp_path / "data", gate) as server,
        ClientSession(server.base_url) as http,
    ):

        async def forward(request: web.Request) -> web.StreamResponse:
            if "Content-Encoding" in request.headers:
                refused.append(request.path)
                return web.Response(status=415)
            async with http.request(
                request.method, request.rel_url, data=request.content, headers=request.headers
            ) as answer:
                body = await answer.read()
                return web.Response(
                    status=answer.status, body=body, content_type=answer.content_type
                )

        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{tail:.*}", forward)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with Client(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
                document = await client.upload(path, parallel=1)
        finally:
            await runner.cleanup()
    assert document.file_size == path.stat().st_size
    assert len(refused) == 1, "the refusal is remembered"
    assert set(gate.seen) == {""}
