"""The page shows an importer that failed, and has it repeated on request."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.page import Screenshot, audit, choose, expect_state
from tests.support.servers import Serve

PLUGIN = """
from pdfsluice.core import ImporterSpec, StageFailed, hookimpl


class Stamp:
    def __init__(self, ink):
        self._ink = ink

    async def run(self, context):
        if not self._ink.exists():
            raise StageFailed("There is no ink.", hint="Fill some in.")
        context.progress(1.0, "The document is stamped.")

    async def forget(self, document_id):
        pass


@hookimpl
def pdfsluice_register_importers(context):
    return [ImporterSpec(name="stamp", importer=Stamp(context.data_dir / "ink"), required=False)]
"""


def install(folder: Path) -> None:
    """Write the plugin as an installed distribution."""
    about = folder / "acme_stamp-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-stamp\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[pdfsluice]\nstamp = acme_stamp\n")
    (folder / "acme_stamp.py").write_text(PLUGIN)


@pytest.mark.nightly
def test_a_failed_importer_is_repeated_with_its_button(
    serve: Serve,
    open_page: Callable[..., Page],
    pdfs: Path,
    tmp_path: Path,
    screenshot: Screenshot,
) -> None:
    install(tmp_path / "site")
    server = serve(PYTHONPATH=str(tmp_path / "site"), PDFSLUICE_INDEX="")
    page = open_page(server.base_url)
    choose(page, pdfs / "handbook.pdf")
    upload = expect_state(page, "handbook.pdf", "completed")
    upload.get_by_role("link", name="Open document").click()
    again = page.get_by_role("button", name="Run “stamp” again")
    expect(again).to_be_visible(timeout=60_000)
    expect(page.locator(".document")).to_contain_text("There is no ink.")
    audit(page, screenshot, "57-failed-importer")

    (server.data_dir / "ink").touch()
    again.click()
    expect(again).to_have_count(0, timeout=60_000)
    expect(page.locator(".document")).not_to_contain_text("There is no ink.")
    page.reload()
    expect(page.locator(".document .chip").first).to_be_visible()
    expect(again).to_have_count(0)
