"""A real browser for the page's tests; where none is installed they skip.

``PDFSLUICE_CHROMIUM`` names the browser if it is not on the PATH, ``PDFSLUICE_SCREENSHOTS``
a folder that is to receive a picture of each state.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from pdfsluice.core.testing.pdfs import make_pdf, write_large_pdf
from tests.support.browsers import find_browser
from tests.support.page import PLAIN_HOST, Screenshot, clear
from tests.support.servers import RunningServer, Started, serving

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A name that is not localhost: no secure context, as on a plain-http address in a network.
    f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1",
)
_MIB = 1024 * 1024
_TIMEOUT_MS = 30_000
"""Milliseconds that a busy machine may take to show something."""


@pytest.fixture(scope="session", autouse=True)
def executable() -> str:
    """The browser's program; looked for before anything is started for a test."""
    found = find_browser()
    if found is None:
        pytest.skip(
            "no Chromium: install it (Debian: apt install chromium-headless-shell)"
            " or set PDFSLUICE_CHROMIUM"
        )
    return found


@pytest.fixture(scope="package")
def browser(executable: str) -> Iterator[Browser]:
    """A browser for this folder; while it runs, no test can run an event loop."""
    expect.set_options(timeout=_TIMEOUT_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def _running(tmp_path_factory: pytest.TempPathFactory, started: Started) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("servers"), started) as start:
        yield start()


@pytest.fixture
def own(_running: RunningServer) -> Iterator[RunningServer]:
    """A server without uploads and documents of other tests; a test may restart it."""
    yield _running
    clear(_running)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages in browsers of their own; failing scripts fail the test."""
    complaints: list[str] = []
    contexts = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(message.text)

    def open_one(url: str, *, width: int = 1280) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 860})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_TIMEOUT_MS)
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def screenshot() -> Screenshot:
    """Take pictures only if they are wanted: each costs as much as a click."""
    folder = os.environ.get("PDFSLUICE_SCREENSHOTS")
    if not folder:
        return Screenshot(None)
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Screenshot(Path(folder))


@pytest.fixture(scope="session")
def pdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with PDFs to upload."""
    folder = tmp_path_factory.mktemp("pdfs")
    text = "Page {number}. The sluice gates of the northern canal were renewed in spring."
    write_large_pdf(folder / "annual-report.pdf", 48 * _MIB, pages=24, text=text)
    write_large_pdf(folder / "canal-survey.pdf", 16 * _MIB, pages=4)
    write_large_pdf(folder / "survey-of-another-canal.pdf", 16 * _MIB, pages=5)
    (folder / "other").mkdir()
    (folder / "survey-of-another-canal.pdf").rename(folder / "other" / "canal-survey.pdf")
    pages = ["Lubricate every valve twice a year.", "The spillway opens at four metres of water."]
    (folder / "handbook.pdf").write_bytes(make_pdf(pages, title="Handbook"))
    _write_malicious(folder / "invoice.pdf")
    yield folder
    shutil.rmtree(folder)


def _write_malicious(path: Path) -> None:
    """Write a large file whose first bytes already show that it starts a program."""
    write_large_pdf(path, 24 * _MIB, pages=4)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        program = pikepdf.String("calc.exe")
        action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=program)
        pdf.Root.OpenAction = action
        pdf.save(path)
