"""The lists of the page: what others change appears, and the way back leads into them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice
from tests.support.page import documents
from tests.support.servers import RunningServer

OpenPage = Callable[..., Page]
_HEIGHT = "link => link.getBoundingClientRect().top"
_NOTE_HEIGHT = f"""link => {{
    link.addEventListener('click', () => {{ window.noted = ({_HEIGHT})(link); }}, {{ once: true }});
}}"""
"""Notes the height of a link when it is clicked: the driver may scroll for a click."""

pytestmark = pytest.mark.long


@pytest.mark.nightly
def test_documents_that_others_upload_appear_in_the_open_list(
    own: RunningServer, open_page: OpenPage, pdfs: Path
) -> None:
    page = open_page(f"{own.base_url}/#/documents")
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()
    for count, name in enumerate(("handbook.pdf", "canal-survey.pdf"), 1):
        assert pdfsluice("upload", pdfs / name, "--server", own.base_url).code == 0
        expect(page.locator(".row")).to_have_count(count)


def test_documents_that_others_change_or_delete_change_in_the_open_list(
    own: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.pdf" for number in range(32)]
    for file in files:
        file.write_bytes(make_pdf([f"Document {file.name}"]))
    at = ("--server", own.base_url)
    assert pdfsluice("upload", "-q", "--no-wait", *files, *at).code == 0
    page = open_page(f"{own.base_url}/#/documents")
    titles = page.locator(".row h2")
    expect(titles).to_have_count(30)
    newest, second, *_ = (each["id"] for each in documents(own))
    assert pdfsluice("documents", "delete", str(newest), *at).code == 0
    assert pdfsluice("documents", "rename", str(second), "Renamed", *at).code == 0
    expect(titles.first).to_have_text("Renamed")
    page.get_by_role("button", name="Show more").click()
    expect(titles).to_have_text(["Renamed", *(str(number) for number in range(29, -1, -1))])
    for each in documents(own):
        assert pdfsluice("documents", "delete", str(each["id"]), *at).code == 0
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()


def test_the_way_back_leads_to_where_a_list_was_left(
    own: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.pdf" for number in range(32)]
    for file in files:
        file.write_bytes(make_pdf([f"The heron of {file.name}"]))
    done = pdfsluice("upload", "-q", "--index", *files, "--server", own.base_url)
    assert done.code == 0, done.err

    page = open_page(f"{own.base_url}/#/documents")
    page.get_by_role("button", name="Show more").click()
    _follow_and_return(page, page.get_by_role("link", name="1", exact=True))
    page.get_by_role("link", name="Upload", exact=True).click()
    page.get_by_role("link", name="Documents", exact=True).click()
    expect(page.locator(".row")).to_have_count(30)
    assert page.evaluate("scrollY") == 0, "another visit begins at the top"

    page.goto(f"{own.base_url}/#/search?q=heron")
    page.get_by_role("button", name="More passages").click()
    expect(page.locator(".hit")).to_have_count(32)
    _follow_and_return(page, page.locator(".hit h2 a").last)


def _follow_and_return(page: Page, link: Locator) -> None:
    """Follow a link far down, return, and expect it at the same height with the focus on it."""
    link.scroll_into_view_if_needed()
    assert page.evaluate("scrollY") > 300
    link.evaluate(_NOTE_HEIGHT)
    link.click()
    expect(page.locator(".document h1")).to_be_visible()
    page.go_back()
    expect(link).to_be_focused()
    assert abs(link.evaluate(_HEIGHT) - page.evaluate("noted")) <= 2
