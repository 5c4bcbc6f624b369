"""What the page shows at a glance: uploads, titles, metadata, the key."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice
from tests.support.page import (
    Screenshot,
    SlowNetwork,
    cancel,
    card,
    choose,
    expect_state,
    unfinished,
)
from tests.support.servers import RunningServer, Serve

OpenPage = Callable[..., Page]


@pytest.fixture
def reports(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"report-{number:02}.pdf" for number in range(61)]
    for file in files:
        file.write_bytes(make_pdf([f"{file.name} {os.urandom(6).hex()}"], noise_per_page=20_000))
    return files


@pytest.mark.nightly
def test_many_files_have_a_summary_and_what_is_sent_stands_at_the_top(
    own: RunningServer, open_page: OpenPage, reports: list[Path], screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=60_000)
    choose(page, *reports)
    summary = page.locator(".batch")
    expect(summary).to_contain_text(re.compile(r"61 files: .*3 uploading, \d+ waiting"))
    expect(summary).to_contain_text(re.compile(r"B of .*MB"))
    under_way = re.compile("preparing|uploading|finishing")
    expect(page.locator(".card").first).to_have_attribute("data-state", under_way)
    expect(card(page, "report-60.pdf").get_by_role("progressbar")).to_be_hidden()
    expect(page.locator(".card").first).to_be_in_viewport()
    expect(summary).to_contain_text("done")
    screenshot(page, "60-many-files")
    first = page.locator(".card").first
    assert first.get_by_role("heading").inner_text() != "report-00.pdf"
    expect(first).to_have_attribute("data-state", under_way)


@pytest.mark.nightly
def test_cancelling_asks_first(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=1_000_000)
    choose(page, pdfs / "canal-survey.pdf")
    upload = expect_state(page, "canal-survey.pdf", "uploading")
    upload.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel the upload of “canal-survey.pdf”?")
    screenshot(page, "61-cancel")
    dialog.get_by_role("button", name="Keep uploading").click()
    expect(upload).to_have_attribute("data-state", "uploading")
    assert len(unfinished(own)) == 1
    cancel(page, upload)
    expect_state(page, "canal-survey.pdf", "cancelled")
    assert unfinished(own) == []


@pytest.mark.long
def test_unfinished_uploads_are_seen_without_scrolling(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=1_000_000)
    choose(page, pdfs / "canal-survey.pdf")
    expect_state(page, "canal-survey.pdf", "uploading")
    page.reload()
    button = page.get_by_role("button", name="Choose file to continue")
    expect(button).to_be_in_viewport()
    screenshot(page, "62-unfinished")


@pytest.mark.long
def test_titles_and_metadata_are_in_words(
    own: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    path = tmp_path / "minutes.pdf"
    path.write_bytes(make_pdf(["The weir was repaired."], title="Minutes of March"))
    page = open_page(own.base_url)
    choose(page, path)
    expect(page).to_have_title("pdfsluice")
    done = expect_state(page, "minutes.pdf", "completed")
    done.get_by_role("link", name="Open document").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("minutes")
    expect(page).to_have_title("minutes · pdfsluice")
    names = page.locator("dl.facts dt").all_inner_texts()
    assert "Title in the file" in names
    assert [name for name in names if "_" in name or name[:1].islower()] == []
    page.goto(f"{own.base_url}/#/search?q=weir")
    expect(page).to_have_title("Search for “weir” · pdfsluice")
    page.goto(f"{own.base_url}/#/documents")
    expect(page).to_have_title("Documents · pdfsluice")


@pytest.mark.long
def test_nothing_is_lost_before_a_key_is_entered(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    added = pdfsluice("keys", "add", "reader", "--data-dir", tmp_path / "keyed")
    assert added.code == 0, added.err
    server = serve(data_dir=tmp_path / "keyed")
    page = open_page(f"{server.base_url}/#/operations")
    expect(page.locator(".connection")).to_have_text("No key")
    page.keyboard.press("Escape")
    expect(page.locator(".log")).not_to_contain_text("lost")
