"""New versions of documents over HTTP, and chunks that are sent as deltas."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import Index, IndexSpec
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.testing import MemoryIndex
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.keys import add_key
from tests.support.runtimes import STORES
from tests.support.waiting import until
from tests.support.web import (
    CHUNK,
    STREAMING,
    WebServer,
    a_server,
    body_of,
    problem_of,
    sha256,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

DELTA = "application/vnd.pdfsluice.delta"
BODY = b"".join(b"BT %d Tf (Line %d of the manual) Tj ET " % (n % 7, n) for n in range(800))
HEAD = b"%PDF-1.7\n" + bytes(2 * CHUNK)
FIRST = HEAD + b"1 0 obj\nstream\n" + BODY + b"\nendstream\nendobj\n%%EOF\n"
SECOND = FIRST + b"2 0 obj\nstream\r\nnew" + BODY + b"\r\nendstream\n%%EOF\n"
THIRD = SECOND + b"another"


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


def copied(offset: int, length: int) -> bytes:
    return struct.pack(">BQQ", 1, offset, length)


def literal(data: bytes) -> bytes:
    return struct.pack(">BQQ", 2, 0, len(data)) + data


async def fetch(web: WebServer, path: str, **request: Any) -> dict[str, Any]:
    async with web.http.get(f"/api/documents{path}", **request) as response:
        assert response.status == 200, await response.text()
        return await body_of(response)


async def replace(web: WebServer, document_id: int, data: bytes, **changes: Any) -> dict[str, Any]:
    """Upload the whole of a new version; return its document."""
    return await web.upload(data, replaces=document_id, expected_hash=sha256(data), **changes)


async def begin(web: WebServer, document_id: int, data: bytes = SECOND) -> str:
    session = await web.initiate(data, replaces=document_id, expected_hash=sha256(data))
    return str(session["session_id"])


async def send_delta(
    web: WebServer,
    session_id: str,
    body: bytes,
    headers: dict[str, str] | None = None,
    **query: Any,
) -> Any:
    return await web.http.put(
        f"{STREAMING}/chunk/{session_id}",
        params={name: str(value) for name, value in query.items()},
        data=body,
        headers={"Content-Type": DELTA, **(headers or {})},
    )


async def finish(web: WebServer, session_id: str) -> dict[str, Any]:
    async with web.http.post(f"{STREAMING}/complete/{session_id}") as response:
        assert response.status == 200, await response.text()
        document: dict[str, Any] = (await body_of(response))["document"]
        return document


async def test_a_new_version_takes_the_place_of_the_one_before(web: WebServer) -> None:
    first = await web.upload(FIRST, filename="manual-1.pdf")
    assert (first["version"], first["replaced_by"]) == (1, None)
    second = await replace(web, first["id"], SECOND, filename="manual-2.pdf")
    assert (second["version"], second["title"]) == (2, "manual-2")
    assert (await fetch(web, f"/{first['id']}"))["replaced_by"] == second["id"]
    listed = await fetch(web, "")
    assert ([each["id"] for each in listed["documents"]], listed["total"]) == ([second["id"]], 1)
    assert (await fetch(web, "", params={"replaced": "true"}))["total"] == 2
    for name, ids in (("manual-2.pdf", [second["id"]]), ("manual-1.pdf", []), ("manual", [])):
        named = await fetch(web, "", params={"filename": name})
        assert [each["id"] for each in named["documents"]] == ids
    for number in (first["id"], second["id"]):
        versions = (await fetch(web, f"/{number}/versions"))["versions"]
        assert [each["id"] for each in versions] == [second["id"], first["id"]]
    async with web.http.get(f"/api/documents/{first['id']}/file") as response:
        assert await response.read() == FIRST, "an earlier version can still be downloaded"


async def test_what_people_gave_a_document_stays_with_the_next_version(web: WebServer) -> None:
    first = await web.upload(FIRST, filename="manual-1.pdf")
    change = {"title": "The manual", "tags": ["pump"]}
    async with web.http.patch(f"/api/documents/{first['id']}", json=change) as response:
        assert response.status == 200
    second = await replace(web, first["id"], SECOND, filename="manual-2.pdf")
    assert (second["title"], second["tags"]) == ("The manual", ["pump"])
    third = await replace(web, second["id"], THIRD, title="Another title")
    assert (third["title"], third["tags"]) == ("Another title", ["pump"])


async def test_what_replaces_has_to_be_right(web: WebServer) -> None:
    first = await web.upload(FIRST)
    wanted = {"filename": "a.pdf", "file_size": len(SECOND), "replaces": first["id"]}

    async def refused(status: int, code: str, **changes: Any) -> dict[str, Any]:
        request = web.http.post(f"{STREAMING}/initiate", json=wanted | changes)
        async with request as response:
            return await problem_of(response, status, code)

    await refused(400, "bad-request")
    await refused(404, "document-not-found", replaces=999, expected_hash=sha256(SECOND))
    same = await refused(409, "duplicate-document", expected_hash=sha256(FIRST))
    assert same["details"]["document_id"] == first["id"]
    second = await replace(web, first["id"], SECOND)
    newer = await refused(409, "document-replaced", expected_hash=sha256(THIRD))
    assert newer["details"] == {"document_id": second["id"], "version": 2}
    back = await replace(web, second["id"], FIRST)
    assert back["version"] == 3, "the bytes of an earlier version may come back"


async def test_of_simultaneous_versions_one_follows_the_other(web: WebServer) -> None:
    first = await web.upload(FIRST)
    sessions = [await begin(web, first["id"], data) for data in (SECOND, THIRD)]
    for session_id, data in zip(sessions, (SECOND, THIRD), strict=True):
        for chunk in range(-(-len(data) // CHUNK)):
            await web.put(session_id, data, chunk)
    documents = await asyncio.gather(*(finish(web, session_id) for session_id in sessions))
    assert sorted(each["version"] for each in documents) == [2, 3]
    listed = await fetch(web, "")
    assert [each["version"] for each in listed["documents"]] == [3]
    again = [await finish(web, session_id) for session_id in sessions]
    assert [each["id"] for each in again] == [each["id"] for each in documents]


async def test_a_deleted_version_gives_its_place_back(web: WebServer) -> None:
    first = await web.upload(FIRST)
    second = await replace(web, first["id"], SECOND)
    third = await replace(web, second["id"], THIRD)
    async with web.http.delete(f"/api/documents/{third['id']}") as response:
        assert response.status == 204
    assert [each["id"] for each in (await fetch(web, ""))["documents"]] == [second["id"]]
    third = await replace(web, second["id"], THIRD)
    path = f"/api/documents/{third['id']}?all_versions=true"
    async with web.http.delete(path) as response:
        assert response.status == 204
    assert (await fetch(web, "", params={"replaced": "true"}))["total"] == 0


async def test_only_so_many_versions_are_kept(tmp_path: Path) -> None:
    async with a_server(tmp_path, keep_versions=2) as web:
        document = await web.upload(FIRST)
        for data in (SECOND, THIRD, FIRST + b"4", FIRST + b"5"):
            document = await replace(web, document["id"], data)

        async def versions() -> list[int]:
            answer = await fetch(web, f"/{document['id']}/versions")
            return [each["version"] for each in answer["versions"]]

        async def are_two() -> bool:
            return await versions() == [5, 4]

        await until(are_two)
        store = web.runtime.scrubber
        await store.reconcile()
        assert await versions() == [5, 4], "the files of earlier versions belong to documents"
        assert store.report.files_without_document == 0
        assert not store.damaged_documents
        account = await web.runtime.quotas.own(LOCAL)
        kept = len(FIRST + b"4") + len(FIRST + b"5")
        assert (account.usage.documents, account.usage.stored_bytes) == (2, kept)


async def test_units_describe_a_document(web: WebServer) -> None:
    document = await web.upload(FIRST)
    units = await fetch(web, f"/{document['id']}/units")
    at = FIRST.index(BODY)
    assert units["units"] == [[at, len(BODY), sha256(BODY)[:32]]]
    assert units["block_size"] == CHUNK
    starts = range(0, len(FIRST), CHUNK)
    assert units["blocks"] == [sha256(FIRST[at : at + CHUNK])[:32] for at in starts]
    assert (units["sha256"], units["file_size"]) == (sha256(FIRST), len(FIRST))
    assert units["next"] is None
    page = await fetch(web, f"/{document['id']}/units", params={"first": 1, "limit": 1})
    assert (page["units"], page["blocks"], page["next"]) == ([], [], None)
    second = await replace(web, document["id"], SECOND)
    page = await fetch(web, f"/{second['id']}/units", params={"limit": 1})
    assert (len(page["units"]), page["next"]) == (1, 1)


async def test_deltas_become_the_chunks_of_a_file(web: WebServer) -> None:
    first = await web.upload(FIRST)
    session_id = await begin(web, first["id"])
    assert (await web.status(session_id))["replaces"] == first["id"]
    sent = 0
    for chunk in range(-(-len(SECOND) // CHUNK)):
        start = chunk * CHUNK
        piece = SECOND[start : start + CHUNK]
        shared = min(len(piece), max(0, len(FIRST) - start))
        body = copied(start, shared) + (literal(piece[shared:]) if piece[shared:] else b"")
        digest = base64.b64encode(bytes.fromhex(sha256(body))).decode()
        headers = {"Content-Digest": f"sha-256=:{digest}:"}
        async with await send_delta(
            web, session_id, body, headers, chunk_id=chunk, checksum=sha256(piece)
        ) as response:
            assert response.status == 200, await response.text()
        sent += len(body)
    assert sent < len(SECOND) - len(FIRST) + 4 * 64
    document = await finish(web, session_id)
    async with web.http.get(f"/api/documents/{document['id']}/file") as response:
        assert await response.read() == SECOND


async def test_a_delta_for_a_piece_of_a_chunk_gives_its_length(web: WebServer) -> None:
    first = await web.upload(FIRST)
    session_id = await begin(web, first["id"])
    piece = {"chunk_offset": 1000, "chunk_length": 5000}
    async with await send_delta(web, session_id, copied(1000, 5000), None, **piece) as response:
        assert response.status == 200, await response.text()
    assert (await web.status(session_id))["durable_bytes"] == 5000


async def test_deltas_that_do_not_fit_are_refused(web: WebServer) -> None:
    first = await web.upload(FIRST)
    session_id = await begin(web, first["id"])
    good = copied(0, CHUNK)

    async def refused(
        status: int, code: str, body: bytes, headers: dict[str, str] | None = None, **query: Any
    ) -> None:
        request = await send_delta(web, session_id, body, headers, **{"chunk_id": 0, **query})
        async with request as response:
            await problem_of(response, status, code)
        assert (await web.status(session_id))["durable_bytes"] == 0, code

    await refused(400, "bad-request", copied(len(FIRST) - 100, CHUNK))
    await refused(400, "bad-request", copied(0, CHUNK - 1))
    await refused(413, "size-exceeded", copied(0, CHUNK) + literal(b"more"))
    await refused(413, "size-exceeded", copied(0, len(FIRST)))
    await refused(413, "size-exceeded", literal(bytes(2 * CHUNK)))
    await refused(400, "bad-request", good[:-1])
    await refused(400, "bad-request", b"")
    await refused(400, "bad-request", literal(bytes(CHUNK - 1)) + copied(0, 1))
    await refused(422, "checksum-mismatch", good, checksum=sha256(b"other"))
    wrong = {"Content-Digest": f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"}
    await refused(422, "checksum-mismatch", good, wrong)
    await refused(415, "unsupported-media-type", good, {"Content-Encoding": "gzip"})
    plain = await web.initiate(SECOND)
    async with await send_delta(web, plain["session_id"], good, chunk_id=0) as response:
        await problem_of(response, 400, "bad-request")
    async with web.http.put(
        f"{STREAMING}/chunk/{session_id}?chunk_id=0&checksum={sha256(HEAD)}", data=HEAD[:CHUNK]
    ) as response:
        await problem_of(response, 400, "bad-request")


async def test_a_missing_base_is_named_and_whole_chunks_continue(web: WebServer) -> None:
    first = await web.upload(FIRST)
    session_id = await begin(web, first["id"])
    async with await send_delta(web, session_id, copied(0, CHUNK), chunk_id=0) as response:
        assert response.status == 200
    async with web.http.delete(f"/api/documents/{first['id']}") as response:
        assert response.status == 204
    async with await send_delta(web, session_id, copied(CHUNK, CHUNK), chunk_id=1) as response:
        await problem_of(response, 409, "base-changed")
    for chunk in range(1, -(-len(SECOND) // CHUNK)):
        await web.put(session_id, SECOND, chunk)
    document = await finish(web, session_id)
    assert (document["version"], document["sha256"]) == (1, sha256(SECOND))


async def test_a_damaged_base_is_no_base(tmp_path: Path) -> None:
    async with a_server(tmp_path) as web:
        first = await web.upload(FIRST)
        session_id = await begin(web, first["id"])
        [path] = (path for path in tmp_path.rglob("*.pdf") if path.stat().st_size == len(FIRST))
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.write(b"#")
        query: dict[str, Any] = {"chunk_id": 0, "checksum": sha256(SECOND[:CHUNK])}
        async with await send_delta(web, session_id, copied(0, CHUNK), None, **query) as response:
            await problem_of(response, 422, "checksum-mismatch")
        with path.open("r+b") as file:
            file.truncate(CHUNK)
        async with await send_delta(web, session_id, copied(0, CHUNK), None, **query) as response:
            await problem_of(response, 409, "base-changed")
        assert (await web.status(session_id))["durable_bytes"] == 0


async def test_others_documents_are_no_bases(tmp_path: Path) -> None:
    both = [Scope.READ, Scope.UPLOAD]
    owner, other = add_key(tmp_path, "owner", both), add_key(tmp_path, "other", both)
    admin = add_key(tmp_path, "admin", [Scope.ADMIN])
    uploader = add_key(tmp_path, "uploader", [Scope.UPLOAD])
    async with a_server(tmp_path) as web:

        async def initiate(headers: dict[str, str], data: bytes, **more: Any) -> Any:
            wanted = {"filename": "a.pdf", "file_size": len(data), "expected_hash": sha256(data)}
            return await web.http.post(f"{STREAMING}/initiate", json=wanted | more, headers=headers)

        async with await initiate(owner, FIRST) as response:
            session = await body_of(response)
        path = f"{STREAMING}/chunk/{session['session_id']}?chunk_id=0"
        async with web.http.put(path, data=FIRST, headers=owner) as response:
            assert response.status == 200, await response.text()
        path = f"{STREAMING}/complete/{session['session_id']}"
        async with web.http.post(path, headers=owner) as response:
            number = (await body_of(response))["document"]["id"]
        for headers in (other, admin):
            for data in (FIRST, SECOND):  # whether it has these bytes shows nothing
                async with await initiate(headers, data, replaces=number) as response:
                    await problem_of(response, 404, "document-not-found")
        async with await initiate(uploader, SECOND, replaces=number) as response:
            await problem_of(response, 403, "permission-denied")
        for what in ("units", "versions"):
            async with web.http.get(f"/api/documents/{number}/{what}", headers=other) as response:
                await problem_of(response, 404, "document-not-found")


class _Indexed:
    @hookimpl
    def pdfsluice_register_indexes(self, context: PluginContext) -> list[IndexSpec]:
        """Register an index in memory."""
        del context
        return [IndexSpec(name="memory", open=self._open)]

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Index]:
        yield MemoryIndex()


@pytest_asyncio.fixture(loop_scope="module")
async def searching(tmp_path: Path) -> AsyncIterator[WebServer]:
    built_in = (*STORES, "api_keys", "importers", "pypdf_text")
    async with a_server(tmp_path, _Indexed(), built_in=built_in, index="memory") as web:
        yield web


async def test_search_sees_the_newest_version(searching: WebServer) -> None:
    web = searching

    async def hits(query: str) -> list[int]:
        path = "/api/documents/search"
        async with web.http.post(path, json={"query": query}) as response:
            return [each["document_id"] for each in (await body_of(response))["results"]]

    async def status(number: int) -> str:
        return str((await fetch(web, f"/{number}"))["index_status"])

    async def indexed(number: int, wanted: str = "done") -> bool:
        return await status(number) == wanted

    old, new = make_pdf(["The pump is red."]), make_pdf(["The pump is green."])
    first = await web.upload(old, auto_build_index=True)
    await until(partial(indexed, first["id"]))
    assert await hits("pump") == [first["id"]]
    second = await replace(web, first["id"], new)
    assert first["id"] not in await hits("pump"), "from the moment on at which it is replaced"
    await until(partial(indexed, second["id"]))  # because the first was
    assert await hits("pump") == [second["id"]]
    assert await hits("red") == []
    await until(partial(indexed, first["id"], "none"))
    async with web.http.post(f"/api/documents/{first['id']}/index") as response:
        await problem_of(response, 409, "document-replaced")
    async with web.http.delete(f"/api/documents/{second['id']}") as response:
        assert response.status == 204
    await until(partial(indexed, first["id"]))
    assert await hits("pump") == [first["id"]]
