"""What the page displays and does about a bad file, a bad key and a broken server."""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
import pytest
from playwright.sync_api import Page, expect

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.active_pdfs import write
from tests.support.commands import pdfsluice
from tests.support.page import (
    Screenshot,
    SlowNetwork,
    audit,
    card,
    choose,
    expect_state,
    unfinished,
)
from tests.support.servers import RunningServer, Serve

OpenPage = Callable[..., Page]
_MIB = 1024 * 1024


class _Scanner(socketserver.ThreadingTCPServer):
    """A clamd that is there, and scans nothing before it is well."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ScannerAnswer)
        self.well = threading.Event()

    @property
    def setting(self) -> str:
        """Where it is."""
        return f"tcp:127.0.0.1:{self.server_address[1]}"


class _ScannerAnswer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Answer one command of clamd's protocol."""
        if self._command() == b"zPING":
            self.wfile.write(b"PONG\0")
        elif isinstance(self.server, _Scanner) and self.server.well.is_set():
            while size := int.from_bytes(self.rfile.read(4)):
                self.rfile.read(size)
            self.wfile.write(b"stream: OK\0")

    def _command(self) -> bytes:
        command = b""
        while (byte := self.rfile.read(1)) not in {b"", b"\0"}:
            command += byte
        return command


@pytest.fixture
def scanner() -> Iterator[_Scanner]:
    with _Scanner() as scanner:
        thread = threading.Thread(target=scanner.serve_forever)
        thread.start()
        yield scanner
        scanner.shutdown()
        thread.join()


def _linked(path: Path, links: int) -> Path:
    """Write a PDF with the same link several times."""

    def add(pdf: pikepdf.Pdf) -> None:
        action = pikepdf.Dictionary(S=pikepdf.Name.SubmitForm, F=pikepdf.String("http://x.test"))
        for_each = {"/Subtype": pikepdf.Name.Link, "/Rect": [0, 0, 9, 9], "/A": action}
        annotations = [pdf.make_indirect(pikepdf.Dictionary(for_each)) for _ in range(links)]
        pdf.pages[0].Annots = pikepdf.Array(annotations)

    return write(path, add)


def _locked(path: Path, source: Path) -> Path:
    """Write a PDF with a password, whose objects are in several encrypted streams."""
    with pikepdf.open(source) as pdf:
        many = [pdf.make_indirect(pikepdf.Dictionary(Number=n)) for n in range(400)]
        pdf.Root.Many = pikepdf.Array(many)
        pdf.save(
            path,
            encryption=pikepdf.Encryption(owner="owner", user="secret"),
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        )
    return path


@pytest.mark.nightly
def test_a_file_that_cannot_be_checked_now_waits_and_shows_why(
    serve: Serve, open_page: OpenPage, pdfs: Path, scanner: _Scanner, screenshot: Screenshot
) -> None:
    server = serve(PDFSLUICE_PLUGINS__CLAMAV__SOCKET=scanner.setting)
    page = open_page(server.base_url)
    choose(page, pdfs / "handbook.pdf")
    upload = card(page, "handbook.pdf")
    expect(upload).to_contain_text("The virus scanner does not answer")
    expect(upload.locator(".chip").first).to_have_text("Waiting for the server")
    expect(upload.get_by_role("button", name="Try now")).to_be_visible()
    expect(upload.get_by_role("button", name="Cancel")).to_be_visible()
    audit(page, screenshot, "50-put-off")
    scanner.well.set()
    done = expect_state(page, "handbook.pdf", "completed")
    expect(done).to_contain_text("Nothing dangerous found")


@pytest.mark.nightly
def test_finishing_what_cannot_be_checked_now_shows_why(
    serve: Serve, open_page: OpenPage, pdfs: Path, scanner: _Scanner
) -> None:
    server = serve(PDFSLUICE_PLUGINS__CLAMAV__SOCKET=scanner.setting)
    page = open_page(server.base_url)
    choose(page, pdfs / "handbook.pdf")
    expect(card(page, "handbook.pdf")).to_contain_text("The virus scanner does not answer")
    page.reload()
    page.locator(".unfinished").get_by_role("button", name="Finish").click()
    expect(page.locator(".toast", has_text="The virus scanner does not answer")).to_be_visible()
    expect(page.locator(".unfinished").get_by_role("button", name="Finish")).to_be_visible()


@pytest.mark.nightly
def test_a_slow_link_loses_little_by_a_reload(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=500_000)
    choose(page, pdfs / "canal-survey.pdf")
    stored = card(page, "canal-survey.pdf").locator("dt:text-is('Stored') + dd")
    expect(stored).to_have_text(re.compile(r"[1-5]\.\d MB"), timeout=60_000)
    screenshot(page, "51-slow-link")
    page.reload()
    expect(page.locator(".unfinished .card-name")).to_have_text("canal-survey.pdf")
    (session,) = unfinished(own)
    assert session["chunk_size"] == 8 * _MIB
    assert session["progress_percentage"] > 2


@pytest.mark.nightly
def test_files_that_cannot_be_taken_are_named_immediately(
    serve: Serve, open_page: OpenPage, pdfs: Path, tmp_path: Path, screenshot: Screenshot
) -> None:
    handbook = (pdfs / "handbook.pdf").read_bytes()
    contents = {
        "empty.pdf": b"",
        "notes.pdf": b"not a PDF",
        "large.pdf": handbook.ljust(2_100_000),
        "without-suffix": b"\n" * 1000 + handbook,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    server = serve(PDFSLUICE_MAX_FILE_SIZE="2 MB")
    page = open_page(server.base_url)
    expect(page.get_by_text("Up to 2 MB each")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    choose(page, *(tmp_path / name for name in contents))
    expect(card(page, "empty.pdf")).to_contain_text("This file is empty.")
    expect(card(page, "notes.pdf")).to_contain_text("This is not a PDF.")
    expect(card(page, "large.pdf")).to_contain_text("2.1 MB; the server accepts at most 2 MB")
    expect_state(page, "without-suffix", "completed")
    assert len([url for url in sent if url.endswith("/initiate")]) == 1
    audit(page, screenshot, "52-not-taken")
    card(page, "empty.pdf").get_by_role("button", name="Remove from list").click()
    expect(page.locator(".card")).to_have_count(3)


@pytest.mark.nightly
def test_without_a_key_the_page_waits_for_one(
    serve: Serve, open_page: OpenPage, tmp_path: Path, screenshot: Screenshot
) -> None:
    added = pdfsluice("keys", "add", "reader", "--data-dir", tmp_path / "keyed")
    key = next(word for word in re.findall(r"\S{20,}", added.out))
    server = serve(data_dir=tmp_path / "keyed")
    page = open_page("about:blank")
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{server.base_url}/#/documents")
    expect(page.locator(".connection")).to_have_text("No key")
    page.keyboard.press("Escape")
    notice = page.locator(".notice").first
    expect(notice).to_contain_text("This server needs an API key.")
    audit(page, screenshot, "53-no-key")
    notice.get_by_role("button", name="Enter key").click()
    assert len(sockets) == 1
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()
    expect(page.locator(".connection")).to_have_text("Live")
    assert len(sockets) == 2


@pytest.mark.nightly
def test_a_key_that_may_only_read_is_explained_in_words(
    serve: Serve, open_page: OpenPage, pdfs: Path, tmp_path: Path
) -> None:
    keys = ("keys", "add", "reader", "--scope", "read", "--data-dir", tmp_path / "keyed")
    key = next(word for word in re.findall(r"\S{20,}", pdfsluice(*keys).out))
    page = open_page(serve(data_dir=tmp_path / "keyed").base_url)
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    expect(page.locator(".connection")).to_have_text("Live")
    choose(page, pdfs / "handbook.pdf")
    stopped = expect_state(page, "handbook.pdf", "failed")
    expect(stopped).to_contain_text("Your API key does not allow this.")


@pytest.mark.nightly
def test_a_server_that_is_away_gets_no_request_to_continue_uploads(
    serve: Serve, open_page: OpenPage, screenshot: Screenshot
) -> None:
    server = serve()
    page = open_page(f"{server.base_url}/#/documents")
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()
    server.stop()
    page.get_by_role("link", name="Search").click()
    page.get_by_role("link", name="Documents", exact=True).click()
    notice = page.locator(".notice")
    expect(notice).to_contain_text("The server cannot be reached. Check the network.")
    expect(notice).not_to_contain_text("upload")
    audit(page, screenshot, "54-away")
    server.start()
    notice.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()


@pytest.mark.nightly
def test_an_unreadable_document_is_marked_in_every_view(
    own: RunningServer, open_page: OpenPage, pdfs: Path, tmp_path: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    choose(page, _locked(tmp_path / "locked.pdf", pdfs / "handbook.pdf"))
    upload = expect_state(page, "locked.pdf", "completed")
    expect(upload).to_contain_text("Its text could not be read", timeout=60_000)
    expect(upload).to_contain_text("password")
    upload.get_by_role("link", name="Open document").click()
    expect(page.locator(".document .chip", has_text="Import failed")).to_be_visible()
    expect(page.locator(".document .chip", has_text="Searchable")).to_have_count(0)
    expect(page.locator(".document-page")).to_have_text("No preview", timeout=60_000)
    expect(page.get_by_role("button", name="Next page")).to_have_count(0)
    streams = page.locator(".document .finding", has_text="An object stream is encrypted.")
    expect(streams).to_have_count(1)
    expect(streams).to_contain_text(re.compile(r"Not checked.*[2-9] times"))
    audit(page, screenshot, "55-locked")
    page.get_by_role("link", name="All documents").click()
    row = page.locator(".row")
    expect(row).to_contain_text("Import failed")
    expect(row).not_to_contain_text("Searchable")
    expect(row.get_by_text("No preview")).to_be_visible()


@pytest.mark.long
def test_findings_are_shown_on_demand_and_equal_ones_once(
    own: RunningServer, open_page: OpenPage, tmp_path: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    choose(page, _linked(tmp_path / "links.pdf", 5))
    upload = expect_state(page, "links.pdf", "completed")
    expect(upload).to_contain_text("5 findings should be reviewed")
    expect(upload.locator(".finding")).to_be_hidden()
    details = upload.get_by_role("button", name="Details")
    expect(details).to_have_attribute("aria-expanded", "false")
    details.click()
    expect(details).to_have_attribute("aria-expanded", "true")
    expect(upload.locator(".finding")).to_have_count(1)
    expect(upload.locator(".finding")).to_contain_text("and 4 more places")
    audit(page, screenshot, "56-findings")


@pytest.mark.long
def test_only_what_needs_a_look_is_counted(
    own: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    def add_form(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array())
        pdf.attachments["notes.txt"] = b"harmless"

    page = open_page(own.base_url)
    choose(page, write(tmp_path / "form.pdf", add_form))
    upload = expect_state(page, "form.pdf", "completed")
    expect(upload).to_contain_text("1 finding should be reviewed")
    upload.get_by_role("button", name="Details").click()
    expect(upload.locator(".finding")).to_have_count(2)


@pytest.mark.nightly
def test_a_search_without_a_match_shows_that(
    own: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    path = tmp_path / "valves.pdf"
    path.write_bytes(make_pdf(["Lubricate every valve twice a year."]))
    page = open_page(own.base_url)
    choose(page, path)
    expect_state(page, "valves.pdf", "completed")
    page.get_by_role("link", name="Open document").click()
    expect(page.locator(".chip", has_text="Searchable")).to_be_visible(timeout=60_000)
    page.goto(f"{own.base_url}/#/search?q=qqzzxx")
    expect(page.locator(".hits")).to_contain_text("Nothing found")
    page.goto(f"{own.base_url}/#/search?q=valve")
    expect(page.locator(".hits")).to_contain_text("1 passage for “valve”")
