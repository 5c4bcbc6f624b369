"""The other views of the page: documents, search, operations, the key."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from playwright.sync_api import Page, Route, expect

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice
from tests.support.page import PLAIN_HOST, Screenshot, SlowNetwork, audit, choose, expect_state
from tests.support.scans import picture_of, write_scan
from tests.support.servers import RunningServer, Serve
from tests.support.shares import share

OpenPage = Callable[..., Page]
WIDTHS = (320, 390, 768, 820, 1920)

pytestmark = pytest.mark.long

_LAST_TO_APPEAR = {
    "upload": ".drop",
    "documents": ".row img",
    "documents/1": ".document-page img",
    "search?q=valve": ".hit img",
    "operations": "td",
    "analytics": ".chart",
    "quotas": ".accounts td",
}
"""For each view what is shown when everything has been fetched."""


@pytest.fixture(scope="module")
def library(serve_module: Serve, pdfs: Path) -> RunningServer:
    """A server with one searchable document."""
    server = serve_module()
    done = pdfsluice(
        "upload", pdfs / "handbook.pdf", "--server", server.base_url, "--index", "--wait"
    )
    assert done.code == 0, done.err
    return server


def test_search_finds_the_passage_and_leads_to_its_page(
    library: RunningServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_page(f"{library.base_url}/#/search")
    requests: list[Route] = []

    def delay(route: Route) -> None:
        requests.append(route)

    page.route("**/api/documents/search", delay)
    page.get_by_role("searchbox", name="Search all documents").fill("spillway")
    page.keyboard.press("Enter")
    expect(page.locator(".hits")).to_have_text("Searching…")
    requests.pop().continue_()
    page.unroute("**/api/documents/search")
    hit = page.locator(".hit").first
    expect(hit).to_contain_text("Page 2")
    expect(hit.locator("mark").first).to_have_text("spillway")
    expect(hit.locator("img")).to_be_visible()
    expect(hit.locator(".page-marks .word").first).to_be_attached()
    audit(page, screenshot, "20-search")
    hit.get_by_role("link").click()
    expect(page.locator(".pager")).to_contain_text("Page 2 of 2")
    word, picture = page.locator(".document-page .word").first, page.locator(".document-page img")
    expect(word).to_be_attached()
    inner, outer = word.bounding_box(), picture.bounding_box()
    assert inner is not None
    assert outer is not None
    assert outer["x"] < inner["x"] < inner["x"] + inner["width"] < outer["x"] + outer["width"]
    assert outer["y"] < inner["y"] < outer["y"] + outer["height"]
    screenshot(page, "20-marked-page")
    page.go_back()
    expect(page.locator(".hit mark").first).to_be_visible()


@pytest.mark.nightly
def test_a_text_that_ocr_read_is_marked_as_such(
    serve_module: Serve, open_page: OpenPage, tmp_path: Path, screenshot: Screenshot
) -> None:
    """A page of the same document that has text of its own is not, nor is a blank document."""
    blank = write_scan(tmp_path / "blank.pdf", [picture_of([""])])
    scan = write_scan(tmp_path / "scan.pdf", [picture_of(["The spillway was inspected."])])
    with pikepdf.open(scan, allow_overwriting_input=True) as pdf:
        with pikepdf.open(io.BytesIO(make_pdf(["The gate was painted green."]))) as typed:
            pdf.pages.extend(typed.pages)
        pdf.save(scan)
    server = serve_module()
    done = pdfsluice("upload", blank, scan, "--server", server.base_url, "--index", "--wait")
    assert done.code == 0, done.err
    page = open_page(f"{server.base_url}/#/documents")
    blank_row = page.locator(".row", has=page.get_by_role("link", name="blank"))
    expect(blank_row.locator(".chip")).to_have_text("No text", timeout=60_000)
    expect(page.locator(".row .chip", has_text="Text from OCR")).to_be_visible(timeout=60_000)
    for word, chips in (("spillway", 1), ("green", 0)):
        page.goto(f"{server.base_url}/#/search?q={word}")
        hit = page.locator(".hit", has=page.locator("mark", has_text=word)).first
        expect(hit).to_be_visible()
        expect(hit.locator(".chip", has_text="Read by OCR")).to_have_count(chips)
        if chips:
            audit(page, screenshot, "22-ocr")


def test_a_document_is_looked_at_renamed_downloaded_and_deleted(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    choose(page, pdfs / "handbook.pdf")
    expect_state(page, "handbook.pdf", "completed")
    page.get_by_role("link", name="Documents", exact=True).click()
    expect(page.locator(".row img")).to_be_visible()
    audit(page, screenshot, "21-documents")
    page.locator(".row").get_by_role("link").click()
    expect(page.locator(".document .chip", has_text="Searchable")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".pager")).to_contain_text("Page 2 of 2")
    expect(page.locator(".document-page img")).to_be_visible()
    audit(page, screenshot, "22-document")

    page.get_by_role("button", name="Rename").click()
    for refused in ("  ", "\u202etitle"):
        page.get_by_label("Title").fill(refused)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("1 to 500 visible characters")
        expect(page.get_by_label("Title")).to_have_value(refused)
    page.get_by_label("Title").fill("The <b>handbook</b>")
    screenshot(page, "23-rename")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The <b>handbook</b>")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == (pdfs / "handbook.pdf").read_bytes()

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()
    audit(page, screenshot, "24-no-documents")


def test_analytics_show_how_uploads_went(
    library: RunningServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_page(f"{library.base_url}/#/operations")
    page.get_by_role("link", name="Analytics").click()
    expect(page.locator("svg.chart")).to_have_count(3)
    expect(page.get_by_text("1 upload ended, with")).to_contain_text("deltas saved")
    expect(page.get_by_text("Completed 1 (100.0 %)")).to_be_visible()
    expect(page.locator(".chart-bar")).to_have_count(30)
    heights = page.locator(".chart-bar").evaluate_all("all => all.map((e) => e.getBBox().height)")
    assert sorted(heights)[-2:] == [0, 160]
    expect(page).to_have_title("Analytics · pdfsluice")
    expect(page.locator(".chart-dots")).to_have_count(3)
    assert (
        page.locator(".chart-dots").first.evaluate("e => getComputedStyle(e).strokeWidth") == "8px"
    )
    audit(page, screenshot, "26-analytics")
    page.get_by_label("Time", exact=True).select_option("7")
    expect(page.locator(".chart-bar")).to_have_count(7)


def test_operations_list_nodes_and_jobs_and_retry_these(
    library: RunningServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_page(f"{library.base_url}/#/operations")
    jobs = page.locator("section", has_text="Background jobs").locator(".kept li")
    expect(jobs.filter(has_text="Import (text): Done")).to_contain_text("handbook")
    page.get_by_label("Kind").select_option("index")
    expect(jobs).to_have_count(1)
    nodes = page.locator("section", has_text="Servers and workers").locator(".kept li")
    expect(nodes).to_have_count(1)
    expect(nodes).to_contain_text("(this one)")
    expect(nodes).to_contain_text("holds 0 uploads · runs 0 jobs")
    audit(page, screenshot, "27-jobs")
    jobs.get_by_role("button", name="Retry").click()
    expect(page.locator(".toast")).to_contain_text("was queued again")
    page.get_by_label("State").select_option("failed")
    expect(page.locator(".jobs-count")).to_have_text("0 jobs")


@pytest.mark.nightly
def test_operations_show_what_the_server_does(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=1_500_000)
    choose(page, pdfs / "canal-survey.pdf")
    page.get_by_role("link", name="Operations").click()
    gauges = page.locator(".gauge")
    expect(gauges.filter(has_text="Open sessions").locator("output")).to_have_text("1")
    expect(gauges.filter(has_text="Throughput").locator("output")).to_contain_text(
        re.compile(r"[1-9].*[KM]B/s")
    )
    expect(page.locator(".parts")).to_contain_text("pdf-security")
    expect(page.get_by_role("table")).to_contain_text("backpressure")
    own.kill()
    expect(page.locator(".log")).to_contain_text("The connection to the server was lost.")
    own.start()
    expect(page.locator(".log")).to_contain_text("The server is back.")
    expect(page.locator(".notice")).to_have_count(0)
    audit(page, screenshot, "25-operations")


@pytest.mark.nightly
def test_a_key_is_asked_for_and_kept_for_the_tab(
    serve: Serve, open_page: OpenPage, pdfs: Path, tmp_path: Path, screenshot: Screenshot
) -> None:
    added = pdfsluice("keys", "add", "reader", "--data-dir", tmp_path / "keyed")
    assert added.code == 0, added.err
    key = next(word for word in re.findall(r"\S{20,}", added.out))
    server = serve(data_dir=tmp_path / "keyed")
    page = open_page(f"http://{PLAIN_HOST}:{server.port}")
    assert page.evaluate("() => crypto.subtle === undefined")
    digests: list[str | None] = []
    page.on(
        "request",
        lambda request: (
            digests.append(request.headers.get("content-digest"))
            if request.method == "PUT"
            else None
        ),
    )
    page.get_by_label("Key", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("does not know this key")
    audit(page, screenshot, "26-key")
    page.keyboard.press("Escape")
    expect(page.locator(".connection")).to_have_text("No key")
    page.get_by_role("button", name="API key").click()
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    expect(page.locator(".connection")).to_have_attribute("data-state", "live")
    choose(page, pdfs / "handbook.pdf")
    expect_state(page, "handbook.pdf", "completed")
    assert digests
    assert all(digests)
    page.get_by_role("button", name="API key").click()
    page.get_by_label("Key", exact=True).fill("wrong again")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator(".connection")).to_have_attribute("data-state", "live")
    page.get_by_role("link", name="Open document").click()
    expect(page.locator(".document-page img")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.path().read_bytes() == (pdfs / "handbook.pdf").read_bytes()
    page.reload()
    expect(page.locator(".document-page img")).to_be_visible()
    page.goto(f"http://{PLAIN_HOST}:{server.port}/#/quotas")
    expect(page.locator(".usage")).to_contain_text("Documents and unfinished uploads1")
    expect(page.locator(".usage progress")).to_have_count(0)
    expect(page.get_by_role("heading", name="All accounts")).to_be_hidden()
    assert key not in json.dumps(page.evaluate("() => ({...localStorage})"))
    assert key not in server.log_path.read_text()


def test_quotas_are_shown_to_all_and_changed_by_administrators(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(f"{own.base_url}/#/operations")
    page.get_by_role("link", name="Quotas").click()
    page.get_by_role("button", name="Change limits of all others").click()
    dialog = page.get_by_role("dialog")
    documents = dialog.get_by_label("Documents and unfinished uploads", exact=True)
    documents.fill("many")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("“many” is not a whole number.")
    audit(page, screenshot, "27-limits")
    documents.fill("1")
    dialog.get_by_label("Size of documents and unfinished uploads").fill("1.5 GB")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".accounts")).to_contain_text("1.5 GB")
    expect(page.locator(".usage")).to_contain_text("0 B of 1.5 GB")
    audit(page, screenshot, "27-quotas")

    page.get_by_role("link", name="Upload", exact=True).click()
    expect(page.locator(".drop").get_by_role("link", name="0 B of 1.5 GB used")).to_be_visible()
    choose(page, pdfs / "handbook.pdf")
    expect_state(page, "handbook.pdf", "completed")
    choose(page, pdfs / "canal-survey.pdf")
    expect_state(page, "canal-survey.pdf", "failed")
    expect(page.locator(".card").first).to_contain_text("at most 1; 1 used, 1 more needed")

    page.goto(f"{own.base_url}/#/quotas")
    page.get_by_role("button", name="Change rates").click()
    dialog.get_by_label("All uploads", exact=True).fill("fast")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("“fast” is not a size")
    dialog.get_by_label("All uploads", exact=True).fill("64 MiB")
    dialog.get_by_role("button", name="Save").click()
    rates = page.get_by_role("region", name="Rates")
    expect(rates.get_by_role("row", name="All uploads 67")).to_contain_text("an administrator")
    audit(page, screenshot, "27-rates")
    page.get_by_role("button", name="Change rates").click()
    expect(dialog.get_by_label("All uploads", exact=True)).to_have_value("64 MiB")
    dialog.get_by_label("All uploads", exact=True).fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(rates).not_to_contain_text("an administrator")

    page.get_by_role("button", name="Add limits").click()
    dialog.get_by_label("Account").fill("ann")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Write key:ann")
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Change limits of all others").click()
    expect(dialog.get_by_label("Size of documents and unf")).to_have_value("1500 MB")
    dialog.get_by_label("Size of documents and unf").fill("")
    documents.fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".usage progress")).to_have_count(0)


@pytest.mark.nightly
def test_the_upload_view_is_open_to_all(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    expect(page.locator(".connection")).to_have_attribute("data-state", "live")
    audit(page, screenshot, "27-home")
    SlowNetwork(page, bytes_per_second=5_000_000)
    choose(page, pdfs / "invoice.pdf", pdfs / "handbook.pdf")
    expect_state(page, "invoice.pdf", "rejected")
    expect_state(page, "handbook.pdf", "completed")
    audit(page, screenshot, "28-verdicts")


def test_the_page_is_used_with_the_keyboard_alone(
    library: RunningServer, open_page: OpenPage, pdfs: Path
) -> None:
    page = open_page(library.base_url)
    page.on("filechooser", lambda chooser: chooser.set_files(pdfs / "handbook.pdf"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    page.keyboard.press("Enter")
    expect_state(page, "handbook.pdf", "completed")
    expect(page.get_by_role("status").filter(has_text="handbook.pdf")).to_have_count(1)
    link = page.get_by_role("link", name="Search")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.nightly
def test_a_document_that_is_not_there_is_shown_as_missing(
    own: RunningServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_page(f"{own.base_url}/#/documents/999")
    expect(page.get_by_role("heading", name="There is no such document")).to_be_visible()
    audit(page, screenshot, "29-missing")
    page.get_by_role("link", name="All documents").click()
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()
    page.get_by_role("link", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing to search yet")).to_be_visible()
    audit(page, screenshot, "29-nothing-to-search")


@pytest.mark.parametrize("width", share(WIDTHS, every=5, nightly=WIDTHS[1:]))
def test_nothing_is_cut_off_at_any_width(
    library: RunningServer, open_page: OpenPage, screenshot: Screenshot, width: int
) -> None:
    page = open_page(library.base_url, width=width)
    expect(page.locator(".connection")).to_have_attribute("data-state", "live")
    for view, shown in _LAST_TO_APPEAR.items():
        page.goto(f"{library.base_url}/#/{view}")
        expect(page.locator(shown).first).to_be_visible()
        overflow = page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, view
        screenshot(page, f"30-{width}-{re.sub('[^a-z0-9]+', '-', view)}")
