"""The plugins that the recipes show, written to files and used by a real server."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession

from pdfsluice.client import Client, ClientError
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.documents import ROOT, write_files
from tests.support.servers import RunningServer, Serve
from tests.support.waiting import until

ENTRY_POINTS = {"acme": "acme_plugin", "my-store": "my_store", "my-ocr": "my_ocr"}


@pytest.fixture
def server(tmp_path: Path, serve: Serve) -> RunningServer:
    """A server with the parts of the recipes."""
    site = tmp_path / "site"
    about = site / "acme-1.0.dist-info"
    about.mkdir(parents=True)
    for name in ("write-plugins.md", "add-a-store.md", "read-scans.md"):
        write_files(ROOT / "docs/how-to" / name, site)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    named = "".join(f"{name} = {module}\n" for name, module in ENTRY_POINTS.items())
    (about / "entry_points.txt").write_text(f"[pdfsluice]\n{named}")
    return serve(PYTHONPATH=str(site), PDFSLUICE_UPLOAD_STORE="my-store")


@pytest.mark.long
async def test_the_plugins_of_the_recipes_do_what_the_page_claims(
    server: RunningServer, tmp_path: Path
) -> None:
    letter, empty = tmp_path / "letter.pdf", tmp_path / "empty.pdf"
    letter.write_bytes(make_pdf(["Seven words stand on", "these two pages."], title="A letter"))
    empty.write_bytes(bytes(100_000))
    async with Client(server.base_url) as client:
        with pytest.raises(ClientError, match="nothing but null bytes") as refused:
            await client.upload(empty)
        assert refused.value.details["offset"] == 0
        document = await client.upload(letter, index=False)
        async with asyncio.timeout(60):

            async def imported() -> object:
                return not (await client.import_status(document.id)).running

            await until(imported)
        metadata = (await client.document(document.id)).metadata
    assert metadata["words"] == "7"
    assert metadata["title"] == "A letter"  # the file's own metadata is still there
    stored = [path.read_bytes() for path in (server.data_dir / "my-store/published").iterdir()]
    assert stored == [letter.read_bytes()]


@pytest.mark.nightly
async def test_the_recognizer_of_the_recipe_reads_scans(
    server: RunningServer, tmp_path: Path
) -> None:
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(make_pdf(["", ""], noise_per_page=2000))
    async with Client(server.base_url) as client:
        document = await client.upload(scan)
        async with asyncio.timeout(60):

            async def read() -> object:
                return (await client.document(document.id)).ocr_status == "done"

            await until(read)
    path = f"{server.base_url}/api/documents/{document.id}/pages/2"
    async with ClientSession() as http, http.get(path) as response:
        page = await response.json()
    assert (page["text"].strip(), page["source"]) == ("Hello", "ocr")
