"""What cannot be read, drawn or indexed is reported, and not retried."""

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from pdfsluice import config
from pdfsluice.core.errors import StageFailed
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import PageRendererSpec
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.heavy_pdfs import repeated_pages
from tests.support.runtimes import IN_PROCESS, STORES, Watchman, manager_with
from tests.support.web import WebServer, a_server, body_of, problem_of, serving

READING = (*STORES, "pdf.deep", "pdfium", "pypdf_text", "importers", "llamaindex")
PASSWORD = "opens only with a password"


class Attempts:
    """A renderer that draws nothing and counts; the real one comes after it."""

    def __init__(self) -> None:
        self.count = 0

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        self.count += 1
        raise StageFailed(f"Page {page} cannot be drawn: this one counts.")

    @hookimpl
    def pdfsluice_register_page_renderers(
        self, context: PluginContext
    ) -> Sequence[PageRendererSpec]:
        return [PageRendererSpec(name="attempts", renderer=self, before=("pypdfium2",))]


@pytest.fixture
async def reading(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server that reads, draws and indexes."""
    async with a_server(tmp_path, built_in=READING, index="llama-index") as running:
        yield running


def locked_pdf() -> bytes:
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(make_pdf(["secret"] * 5))) as pdf:
        pdf.save(made, encryption=pikepdf.Encryption(owner="owner", user="user", R=6))
    return made.getvalue()


async def ended(web: WebServer, document: dict[str, Any]) -> dict[str, Any]:
    """Wait until a document is imported and indexed; return how that went."""
    async with asyncio.timeout(60):
        while True:
            async with web.http.get(f"/api/documents/{document['id']}/import") as response:
                status = await body_of(response)
            if not {status["import_status"], status["index_status"]} & {"queued", "running"}:
                return status
            await asyncio.sleep(0.05)


@pytest.mark.long
async def test_a_document_without_a_text_is_not_reported_as_searchable(reading: WebServer) -> None:
    locked = await reading.upload(locked_pdf(), auto_build_index=True)
    status = await ended(reading, locked)
    assert (status["import_status"], status["index_status"]) == ("failed", "skipped")
    messages = {job["importer"]: job["message"] for job in status["jobs"]}
    imported, indexed = messages["text"], messages[""]
    assert imported == "The text cannot be read: the document opens only with a password."
    assert indexed == f"There is no text to index. {imported}"
    async with reading.http.post(f"/api/documents/{locked['id']}/index") as response:
        problem = await problem_of(response, 422, "document-unreadable")
    assert problem["detail"] == indexed
    assert problem["hint"]


@pytest.mark.long
async def test_pages_that_are_pictures_are_not_indexed(reading: WebServer) -> None:
    """No fault, but what most scans are."""
    pictures = await reading.upload(make_pdf(["", ""], noise_per_page=2000), auto_build_index=True)
    status = await ended(reading, pictures)
    assert (status["import_status"], status["index_status"]) == ("done", "skipped")
    assert "no text to index" in status["jobs"][-1]["message"]
    async with reading.http.post(f"/api/documents/{pictures['id']}/index") as response:
        problem = await problem_of(response, 422, "document-unreadable")
    assert problem["detail"] == "There is no text to index. No page of the document has any."
    assert (await ended(reading, pictures))["index_status"] == "skipped"


@pytest.mark.long
async def test_what_is_left_out_of_the_text_is_reported(tmp_path: Path) -> None:
    """A small file with 80 full pages: as much text is kept as one document may have."""
    heavy = repeated_pages(80, characters=3_000)
    assert len(heavy) < 20_000
    manager = manager_with(Watchman(), built_in=READING)
    loaded = config.load(
        sections={spec.name: spec.model for _, spec in manager.options()},
        environment={"PDFSLUICE_PLUGINS__TEXT__DOCUMENT_CHARACTERS": "7500"},
        command_line={**IN_PROCESS, "data_dir": tmp_path, "policy": "watchman"},
    )
    async with serving(loaded, manager) as web:
        document = await web.upload(heavy)
        status = await ended(web, document)
        assert status["import_status"] == "done"
        assert {job["importer"]: job["message"] for job in status["jobs"]} == {
            "text": "The text ends with page 3; the rest is left out: it has more than 7,500"
            " characters.",
            "thumbnail": "The first page is drawn.",
        }
        lengths = []
        for number in (1, 2, 3):
            async with web.http.get(f"/api/documents/{document['id']}/pages/{number}") as response:
                lengths.append(len((await body_of(response))["text"]))
        assert lengths == [3_000, 3_000, 1_500]
        async with web.http.get(f"/api/documents/{document['id']}/pages/4") as response:
            await problem_of(response, 404, "document-not-found")


@pytest.mark.long
async def test_a_page_that_cannot_be_drawn_is_not_the_servers_fault(tmp_path: Path) -> None:
    """The reason is reported, and drawing is not tried again for each request."""
    attempts = Attempts()
    async with a_server(tmp_path, attempts, built_in=READING) as web:
        document = await web.upload(locked_pdf())
        picture = f"/api/documents/{document['id']}/pages/1/thumbnail"
        for _ in range(3):
            async with web.http.get(picture) as response:
                problem = await problem_of(response, 422, "document-unreadable")
            assert PASSWORD in problem["detail"]
            assert problem["hint"]
        assert attempts.count == 1
    async with a_server(tmp_path, attempts, built_in=READING) as web:
        async with web.http.get(picture) as response:
            await problem_of(response, 422, "document-unreadable")
        assert attempts.count == 1
        (kept,) = tmp_path.glob("previews/*/*/*")
        a_week_ago = time.time() - 7 * 24 * 3600
        os.utime(kept, (a_week_ago, a_week_ago))
        async with web.http.get(picture) as response:
            await problem_of(response, 422, "document-unreadable")
        assert attempts.count == 2
        async with web.http.delete(f"/api/documents/{document['id']}") as response:
            assert response.status == 204
        assert list(tmp_path.glob("previews/*/*/*")) == []


@pytest.mark.long
async def test_a_page_that_the_second_renderer_draws_is_drawn(tmp_path: Path) -> None:
    attempts = Attempts()
    async with a_server(tmp_path, attempts, built_in=READING) as web:
        document = await web.upload(make_pdf(["open"]))
        await ended(web, document)
        picture = f"/api/documents/{document['id']}/pages/1/thumbnail"
        async with web.http.get(picture) as response:
            assert response.status == 200
        assert attempts.count == 1


async def test_an_importer_is_repeated_on_request(reading: WebServer) -> None:
    document = await reading.upload(make_pdf(["A letter."]))
    status = await ended(reading, document)
    assert [job["importer"] for job in status["jobs"]] == ["text", "thumbnail"]
    assert all(job["required"] and job["retry_at"] is None for job in status["jobs"])
    path = f"/api/documents/{document['id']}/import"
    async with reading.http.post(f"{path}/text/retry") as response:
        assert response.status == 202
        jobs = (await body_of(response))["jobs"]
    assert [job["importer"] for job in jobs] == ["text", "thumbnail", "text"]
    async with reading.http.post(f"{path}/unknown/retry") as response:
        problem = await problem_of(response, 404, "not-found")
    assert problem["hint"] == "There are: text, thumbnail."
    async with reading.http.post("/api/documents/9999/import/text/retry") as response:
        await problem_of(response, 404, "document-not-found")
    assert (await ended(reading, document))["import_status"] == "done"
