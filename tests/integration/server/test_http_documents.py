"""Documents over HTTP: the list, the file and its ranges, pages, changes, search."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event
from sqlalchemy.pool import Pool

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.runtimes import STORES
from tests.support.web import WebServer, a_server, body_of, problem_of, sha256

pytestmark = pytest.mark.asyncio(loop_scope="module")

PDF = make_pdf(["The first page speaks of sluices", "The second of locks"], title="Water")
READING = (*STORES, "api_keys", "pdfium", "pypdf_text", "importers")


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


@pytest_asyncio.fixture(loop_scope="module")
async def reading(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server that reads and draws pages."""
    async with a_server(tmp_path, built_in=READING) as running:
        yield running


async def imported(web: WebServer, document_id: int) -> dict[str, Any]:
    """Wait until a document is imported; return how that went."""
    async with asyncio.timeout(60):
        while True:
            async with web.http.get(f"/api/documents/{document_id}/import") as response:
                status = await body_of(response)
            if status["import_status"] not in {"queued", "running"}:
                return status
            await asyncio.sleep(0.05)


async def test_the_list_is_paged_newest_first(web: WebServer) -> None:
    made = [await web.upload(bytes(1000 + number)) for number in range(5)]
    found: list[int] = []
    after: int | None = None
    for _ in range(10):
        query = {"limit": "2"} | ({"after": str(after)} if after else {})
        async with web.http.get("/api/documents", params=query) as response:
            page = await body_of(response)
        assert page["total"] == 5
        found += [document["id"] for document in page["documents"]]
        after = page["next"]
        if after is None:
            break
    assert found == [document["id"] for document in reversed(made)]
    async with web.http.get("/api/documents?limit=0") as response:
        await problem_of(response, 400, "bad-request")
    async with web.http.get("/api/documents?colour=red") as response:
        await problem_of(response, 400, "bad-request")


@contextmanager
def traced() -> Iterator[list[str]]:
    """Collect the statements of all connections to SQLite that are opened in the context."""
    statements: list[str] = []

    def begin(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(statements.append)

    event.listen(Pool, "connect", begin)
    try:
        yield statements
    finally:
        event.remove(Pool, "connect", begin)


async def test_a_list_takes_the_same_queries_for_one_document_and_for_many(tmp_path: Path) -> None:
    with traced() as statements:
        async with a_server(tmp_path) as web:
            made = [await web.upload(bytes(100 + number)) for number in range(30)]
            for document in made:
                await imported(web, document["id"])

            async def queries_of_a_list(limit: int) -> int:
                before = len(statements)
                async with web.http.get(f"/api/documents?limit={limit}") as response:
                    assert len((await body_of(response))["documents"]) == limit
                return len(statements) - before

            # Heartbeats and duties may add queries of theirs to one of the lists, not to all.
            one, many = [
                min([await queries_of_a_list(limit) for _ in range(5)]) for limit in (1, 30)
            ]
    assert 0 < one == many


async def test_a_document_and_its_title(web: WebServer) -> None:
    one = f"/api/documents/{(await web.upload(PDF))['id']}"
    async with web.http.patch(one, json={"title": "Another"}) as response:
        assert (await body_of(response))["title"] == "Another"
    async with web.http.get(one) as response:
        document = await body_of(response)
    assert document["title"] == "Another"
    assert document["sha256"] == sha256(PDF)
    summary = {
        "id", "title", "filename", "file_size", "is_file_available", "created_at", "sha256",
        "page_count", "metadata", "tags", "decision", "finding_count", "unscanned_count",
        "import_status", "index_status", "ocr_status", "version", "replaced_by",
    }  # fmt: skip
    assert document.keys() == {*summary, "findings", "unscanned"}
    async with web.http.get("/api/documents") as response:
        (listed,) = (await body_of(response))["documents"]
    assert listed.keys() == summary, "a list of many has no findings, which may be many each"
    assert listed["finding_count"] == len(document["findings"])
    for wrong in ({"title": ""}, {"title": "x" * 501}, {"title": None}, {}):
        async with web.http.patch(one, json=wrong) as response:
            await problem_of(response, 400, "bad-request")
    for tag, words in (("", "1 or more characters"), ("x" * 65, "at most 64 characters")):
        async with web.http.patch(one, json={"tags": ["fits", tag]}) as response:
            problem = await problem_of(response, 400, "bad-request")
        assert f"tags.1 must have {words}" in problem["detail"]


@pytest.mark.parametrize("number", ["0", "9" * 17, "9" * 5000, "-1", "1e3", "\N{SUPERSCRIPT TWO}"])
async def test_what_is_no_number_names_nothing(web: WebServer, number: str) -> None:
    one = (await web.upload(PDF))["id"]
    for path in (f"/api/documents/{number}", f"/api/documents/{one}/pages/{number}"):
        async with web.http.get(path) as response:
            await problem_of(response, 404, "document-not-found")


async def test_a_deleted_document_is_gone(web: WebServer) -> None:
    one = f"/api/documents/{(await web.upload(PDF))['id']}"
    async with web.http.delete(one) as response:
        assert (response.status, await response.read()) == (204, b"")
    for path in (one, f"{one}/file"):
        async with web.http.get(path) as response:
            await problem_of(response, 404, "document-not-found")
    await web.upload(PDF)  # and may come again


async def test_the_file(web: WebServer) -> None:
    document = await web.upload(PDF, filename='Übung "1".pdf')
    file = f"/api/documents/{document['id']}/file"
    async with web.http.get(file) as response:
        assert response.status == 200
        assert await response.read() == PDF
        headers = response.headers
    assert headers["Content-Type"] == "application/pdf"
    assert headers["ETag"] == f'"{sha256(PDF)}"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox;")
    assert headers["Content-Disposition"] == (
        "attachment; filename=\"_bung _1_.pdf\"; filename*=UTF-8''%C3%9Cbung%20%221%22.pdf"
    )
    async with web.http.head(file) as response:
        assert (response.status, await response.read()) == (200, b"")
        assert int(response.headers["Content-Length"]) == len(PDF)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, None),
        ("bytes=-10", -10, None),
        ("bytes=0-99999999", 0, None),
        ("bytes=-99999999", 0, None),
        ("BYTES=5-5", 5, 6),
    ],
)
async def test_a_range_of_the_file(web: WebServer, asked: str, start: int, end: int | None) -> None:
    file = f"/api/documents/{(await web.upload(PDF))['id']}/file"
    async with web.http.get(file, headers={"Range": asked}) as response:
        assert response.status == 206
        content = await response.read()
        assert content == PDF[start:end]
        first = start if start >= 0 else len(PDF) + start
        assert response.headers["Content-Range"] == (
            f"bytes {first}-{first + len(content) - 1}/{len(PDF)}"
        )


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=0-1,4-5", "lines=0-1", "bytes=-", "bytes=a-b", "bytes= 0-1"]
)
async def test_a_range_that_makes_no_sense_is_ignored(web: WebServer, asked: str) -> None:
    file = f"/api/documents/{(await web.upload(PDF))['id']}/file"
    async with web.http.get(file, headers={"Range": asked}) as response:
        assert (response.status, await response.read()) == (200, PDF)


@pytest.mark.parametrize("asked", [f"bytes={len(PDF)}-", "bytes=-0"])
async def test_a_range_after_the_end(web: WebServer, asked: str) -> None:
    file = f"/api/documents/{(await web.upload(PDF))['id']}/file"
    async with web.http.get(file, headers={"Range": asked}) as response:
        await problem_of(response, 416, "range-not-satisfiable")
        assert response.headers["Content-Range"] == f"bytes */{len(PDF)}"


@pytest.mark.parametrize("asked", ["bytes=0-9", f"bytes={len(PDF)}-"])
async def test_a_range_is_for_get_alone(web: WebServer, asked: str) -> None:
    file = f"/api/documents/{(await web.upload(PDF))['id']}/file"
    async with web.http.head(file, headers={"Range": asked}) as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) == len(PDF)
        assert "Content-Range" not in response.headers


async def test_conditional_requests(web: WebServer) -> None:
    file = f"/api/documents/{(await web.upload(PDF))['id']}/file"
    known, other = f'"{sha256(PDF)}"', '"other"'
    part = {"Range": "bytes=0-3"}
    for headers, status in (
        ({"If-None-Match": known}, 304),
        ({"If-None-Match": f"{other}, W/{known}"}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": other}, 200),
        ({"If-Match": known}, 200),
        ({"If-Match": other}, 412),
        ({"If-Match": f"W/{known}"}, 412),
        ({"If-Match": f"W/{known}, {known}"}, 200),
        ({"If-Match": "*"}, 200),
        (part | {"If-Range": known}, 206),
        (part | {"If-Range": other}, 200),
        (part | {"If-Range": "Mon, 01 Jan 2035 00:00:00 GMT"}, 200),
    ):
        async with web.http.get(file, headers=headers) as response:
            assert response.status == status, headers
            content = await response.read()
        assert status != 304 or content == b""
        assert status != 200 or content == PDF


async def test_what_an_import_brings(reading: WebServer) -> None:
    document = await reading.upload(PDF)
    status = await imported(reading, document["id"])
    assert status["import_status"] == "done"
    assert status["index_status"] == "none"
    assert [(job["kind"], job["importer"]) for job in status["jobs"]] == [
        ("import", "text"), ("import", "thumbnail"),
    ]  # fmt: skip
    one = f"/api/documents/{document['id']}"
    async with reading.http.get(f"{one}/pages/2") as response:
        assert await body_of(response) == {
            "document_id": document["id"],
            "page": 2,
            "text": "The second of locks",
            "source": "text",
            "label": "",
            "width": 612.0,
            "height": 792.0,
        }
    async with reading.http.get(f"{one}/pages/3") as response:
        await problem_of(response, 404, "document-not-found")
    async with reading.http.get(f"{one}/pages/1/thumbnail?width=120") as response:
        assert response.status == 200
        assert response.content_type == "image/jpeg"
        assert (await response.read()).startswith(b"\xff\xd8\xff")
        tag = response.headers["ETag"]
    async with reading.http.get(
        f"{one}/pages/1/thumbnail?width=120", headers={"If-None-Match": tag}
    ) as response:
        assert response.status == 304
    async with reading.http.get(f"{one}/pages/9/thumbnail") as response:
        await problem_of(response, 404, "not-found")
    async with reading.http.get(f"{one}/pages/1/thumbnail?width=5") as response:
        await problem_of(response, 400, "bad-request")


async def test_search_without_an_index(web: WebServer) -> None:
    async with web.http.post("/api/documents/search", json={"query": "sluices"}) as response:
        await problem_of(response, 404, "not-found")
    for wrong in ({}, {"query": ""}, {"query": "a", "top_k": 0}, {"query": "a", "top_k": 101}):
        async with web.http.post("/api/documents/search", json=wrong) as response:
            await problem_of(response, 400, "bad-request")
