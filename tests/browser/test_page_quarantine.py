"""Quarantined uploads: the users that see them, and the effect of a release."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
import pytest
from playwright.sync_api import Page, expect

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice
from tests.support.page import Screenshot, audit, card, choose, clear, documents, expect_state
from tests.support.servers import RunningServer, Serve

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def _keeper(serve_module: Serve) -> RunningServer:
    return serve_module(PDFSLUICE_PLUGINS__POLICY__QUARANTINE_REJECTED="true")


@pytest.fixture
def keeper(_keeper: RunningServer) -> Iterator[RunningServer]:
    """A server that keeps what it refuses."""
    yield _keeper
    clear(_keeper)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A small PDF that runs a script when it is opened."""
    path = tmp_path / "script.pdf"
    path.write_bytes(make_pdf(["One page."]))
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        code = pikepdf.String("app.alert('hello')")
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=code)
        pdf.save(path)
    return path


@pytest.mark.nightly
def test_an_upload_that_was_stopped_is_released_and_continues(
    keeper: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(keeper.base_url)
    choose(page, pdfs / "invoice.pdf")
    refused = expect_state(page, "invoice.pdf", "rejected")
    expect(refused).to_contain_text("It is kept in quarantine")
    refused.get_by_role("button", name="Release").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It was refused because of: Starts a program")
    audit(page, screenshot, "40-release")
    dialog.get_by_role("button", name="Keep in quarantine").click()
    expect(card(page, "invoice.pdf")).to_have_attribute("data-state", "rejected")

    refused.get_by_role("button", name="Release").click()
    dialog.get_by_role("button", name="Release anyway").click()
    released = expect_state(page, "invoice.pdf", "completed")
    expect(released).to_contain_text("Accepted, but needs a review")
    expect(page.locator(".card")).to_have_count(1)
    (document,) = documents(keeper)
    assert document["file_size"] == (pdfs / "invoice.pdf").stat().st_size
    assert document["decision"] == "flag"


@pytest.mark.long
def test_operations_list_the_quarantine_and_release_from_it(
    keeper: RunningServer, open_page: OpenPage, script: Path, screenshot: Screenshot
) -> None:
    assert pdfsluice("upload", script, "--server", keeper.base_url).code == 3
    page = open_page(f"{keeper.base_url}/#/operations")
    kept = page.locator(".kept li", has_text="script.pdf")
    expect(kept).to_contain_text("JavaScript")
    audit(page, screenshot, "41-quarantine")
    kept.get_by_role("button", name="Release").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Release anyway").click()
    expect(page.get_by_text("Nothing is in quarantine.")).to_be_visible()
    page.get_by_role("link", name="Documents", exact=True).click()
    expect(page.locator(".row", has_text="script")).to_contain_text("Review findings")


@pytest.mark.nightly
def test_only_administrators_are_offered_a_release(
    serve: Serve, open_page: OpenPage, script: Path, tmp_path: Path
) -> None:
    added = pdfsluice("keys", "add", "uploader", "--data-dir", tmp_path / "keyed")
    key = next(word for word in re.findall(r"\S{20,}", added.out))
    server = serve(
        data_dir=tmp_path / "keyed", PDFSLUICE_PLUGINS__POLICY__QUARANTINE_REJECTED="true"
    )
    page = open_page(server.base_url)
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    expect(page.locator(".connection")).to_have_attribute("data-state", "live")
    with page.expect_response(re.compile("/quarantine$")) as asked:
        choose(page, script)
    assert asked.value.status == 403
    refused = expect_state(page, "script.pdf", "rejected")
    expect(refused).to_contain_text("It is kept in quarantine")
    expect(refused.get_by_role("button", name="Release")).to_have_count(0)
    page.get_by_role("link", name="Operations").click()
    expect(page.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("heading", name="Quarantine")).to_have_count(0)


@pytest.mark.nightly
def test_what_is_kept_is_deleted_with_the_keyboard_once_that_is_confirmed(
    keeper: RunningServer, open_page: OpenPage, script: Path, screenshot: Screenshot
) -> None:
    page = open_page(keeper.base_url)
    choose(page, script)
    refused = expect_state(page, "script.pdf", "rejected")
    refused.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This cannot be undone")
    audit(page, screenshot, "42-delete")
    page.keyboard.press("Escape")
    expect(refused).to_be_visible()
    refused.get_by_role("button", name="Release").click()
    expect(dialog).to_contain_text("It was refused because of: JavaScript. A released")
    page.keyboard.press("Escape")
    refused.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(".toast")).to_contain_text("“script.pdf” was deleted.")
    expect(page.locator(".card")).to_have_count(0)
    page.get_by_role("link", name="Operations").click()
    expect(page.get_by_text("Nothing is in quarantine.")).to_be_visible()
