"""Documents, search and watching with the client library against real servers."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from pdfsluice.client import (
    Client,
    Document,
    ImportStatus,
    NotFound,
    ProgressEvent,
    RetryPolicy,
    SearchFilter,
    StatusEvent,
    TransferProgress,
)
from pdfsluice.client.events import UploadEvent
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.fault_proxy import Fault, Link, fault_proxy
from tests.support.servers import RunningServer, Serve

SENTENCES = (
    "The keeper opens the paddles before breakfast.",
    "A summit reservoir feeds both slopes of the canal.",
    "Mitre gates were drawn by an engineer in Milan.",
)


def write(path: Path, *pages: str) -> Path:
    path.write_bytes(make_pdf(pages))
    return path


async def settled(client: Client, document: Document) -> ImportStatus:
    return await asyncio.wait_for(client.settled(document.id), 120)


@pytest.mark.long
async def test_documents_are_listed_renamed_and_deleted(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    async with Client(server.base_url) as client:
        for number in range(5):
            await client.upload(write(tmp_path / f"{number}.pdf", f"Number {number}"))

        listed = [document async for document in client.documents(page_size=2)]
        assert sorted(document.filename for document in listed) == [f"{n}.pdf" for n in range(5)]

        first = listed[0]
        assert (await client.rename(first.id, "Renamed")).title == "Renamed"
        assert (await client.document(first.id)).title == "Renamed"

        await settled(client, first)
        await client.delete(first.id)
        with pytest.raises(NotFound):
            await client.document(first.id)
        assert len([document async for document in client.documents()]) == 4


@pytest.mark.nightly
async def test_indexed_document_is_found_with_its_page(
    server: RunningServer, tmp_path: Path
) -> None:
    async with Client(server.base_url) as client:
        document = await client.upload(write(tmp_path / "lore.pdf", *SENTENCES), index=True)
        status = await settled(client, document)
        passages = await client.search("which reservoir feeds the canal at its summit", top_k=10)

    assert (status.import_status, status.index_status) == ("done", "done")
    best = next(passage for passage in passages if passage.document_id == document.id)
    assert best.page == 2
    assert "reservoir" in best.text
    assert "reservoir" in {part.text for part in best.snippet if part.marked}
    assert best.place is not None
    assert best.place.marks


@pytest.mark.nightly
async def test_a_search_is_narrowed_by_tags(server: RunningServer, tmp_path: Path) -> None:
    async with Client(server.base_url) as client:
        for name in ("one", "two"):
            text = f"The {name} heron stands by the fishpond."
            document = await client.upload(write(tmp_path / f"{name}.pdf", text), index=True)
            await settled(client, document)
            tagged = await client.set_tags(document.id, [name, "bird"])
            assert tagged.tags == (name, "bird")
        answer = await client.search_page("heron", where=SearchFilter(tags=["BIRD", "two"]))
        assert [found.document_id for found in answer.documents] == [document.id]
        first = await client.search_page("heron", top_k=1, where=SearchFilter(tags=["bird"]))
        assert first.next == 1
        assert await client.search("heron", where=SearchFilter(documents=[])) == ()


@pytest.mark.nightly
async def test_a_restart_of_the_server_does_not_end_the_wait_for_the_import(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve()
    heard: list[ImportStatus] = []
    policy = RetryPolicy(patience=120, longest_pause=0.5)
    async with Client(server.base_url, retry=policy) as client:
        document = await client.upload(write(tmp_path / "lore.pdf", *SENTENCES))
        server.kill()
        waiting = asyncio.create_task(client.settled(document.id, on_status=heard.append))
        await asyncio.to_thread(server.start)
        status = await asyncio.wait_for(waiting, 120)
    assert status.import_status == "done"
    assert all(each.running for each in heard)


async def watch_an_upload(base_url: str, path: Path, *, timeout: float = 60) -> list[UploadEvent]:
    """Upload with one client while another one watches; return the other's events.

    The upload stops when it has begun and continues when the subscriber is there.
    """
    watched = asyncio.Event()
    heard: list[UploadEvent] = []
    session_ids: list[str] = []

    def stop(now: TransferProgress) -> None:
        if now.acknowledged_bytes:
            session_ids.append(now.session_id)
            raise KeyError("stop here")

    async with (
        Client(base_url, timeout=timeout) as sender,
        Client(base_url, timeout=timeout) as watcher,
    ):
        with pytest.raises(KeyError):
            await sender.upload(path, chunk_size=64 * 1024, parallel=1, on_progress=stop)

        async def listen() -> None:
            async with aclosing(watcher.watch(session_ids[0])) as events:
                async for event in events:
                    heard.append(event)
                    watched.set()

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(60):
            await watched.wait()
            await sender.resume(session_ids[0], path, rate=400_000)
            await listening
    return heard


async def test_watcher_receives_an_upload_to_its_end(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "watched.pdf"
    path.write_bytes(make_pdf(["Watched"], noise_per_page=500_000))

    heard = await watch_an_upload(server.base_url, path)

    last = heard[-1]
    assert isinstance(last, StatusEvent)
    assert last.status == "completed"
    progress = [event.uploaded_bytes for event in heard if isinstance(event, ProgressEvent)]
    assert progress == sorted(progress)
    assert len(set(progress)) > 2


class Swallow(Fault):
    """Passes everything on except requests for a WebSocket, which get no answer."""

    async def pump(self, link: Link) -> None:
        """Carry bytes until such a request comes."""
        while data := await link.client[0].read(64 * 1024):
            if data.startswith(b"GET /ws/"):
                await link.client[0].read()  # until the client has given up
                return
            await link.upstream(data)


async def test_watcher_polls_if_a_websocket_gets_no_answer(
    server: RunningServer, tmp_path: Path
) -> None:
    path = tmp_path / "swallowed.pdf"
    path.write_bytes(make_pdf(["Swallowed"], noise_per_page=500_000))

    async with fault_proxy(server.port, lambda _number: Swallow()) as proxy:
        heard = await watch_an_upload(proxy.base_url, path, timeout=2)

    assert isinstance(heard[-1], StatusEvent)
    assert heard[-1].status == "completed"


async def test_watcher_polls_if_there_is_no_websocket(
    server: RunningServer, tmp_path: Path
) -> None:
    path = tmp_path / "polled.pdf"
    path.write_bytes(make_pdf(["Polled"], noise_per_page=500_000))
    refused: list[str] = []

    async def relay(request: web.Request) -> web.Response:
        if request.path.startswith("/ws/"):
            refused.append(request.path)
            return web.Response(status=404)
        async with ClientSession() as http:
            data = await request.read()
            headers = {k: v for k, v in request.headers.items() if k != "Host"}
            url = f"{server.base_url}{request.path_qs}"
            async with http.request(request.method, url, data=data, headers=headers) as answer:
                body = await answer.read()
                return web.Response(
                    status=answer.status, body=body, content_type=answer.content_type
                )

    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", relay)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        heard = await watch_an_upload(f"http://127.0.0.1:{port}", path)
    finally:
        await runner.cleanup()

    assert refused
    assert isinstance(heard[-1], StatusEvent)
    assert heard[-1].status == "completed"


async def test_an_id_of_a_session_leads_to_no_other_path(server: RunningServer) -> None:
    async with Client(server.base_url) as client:
        for call in (client.session, client.cancel, client.release):
            with pytest.raises(NotFound, match="no such upload"):
                await call("../resumable")
