"""Drives the page in a browser."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.servers import RunningServer

PLAIN_HOST = "pdfsluice.test"
"""Names this machine, and is no secure context."""

_STREAMING = "/api/documents/streaming"
_CLEARINGS = 200  # an upload under verification cannot be deleted until it is a document
_AXE = Path(__file__).parents[1] / "js" / "node_modules" / "axe-core" / "axe.min.js"
_AUDITS: Mapping[Literal["light", "dark"], Mapping[str, object]] = {
    "light": {},
    "dark": {"runOnly": ["color-contrast", "link-in-text-block"]},  # only colours differ
}


@dataclass(frozen=True)
class Screenshot:
    """Keeps pictures of the page's states for people to look at, if a folder is to have them."""

    folder: Path | None

    def __call__(self, page: Page, name: str) -> None:
        """Take a picture of the whole page."""
        if self.folder is not None:
            page.screenshot(path=self.folder / f"{name}.png", full_page=True)


def get_json(url: str) -> Any:
    """Fetch a JSON answer."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def send(url: str, body: bytes, content_type: str, method: str = "POST") -> Any:
    """Send a body; return the JSON answer."""
    headers = {"Content-Type": content_type}
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def unfinished(server: RunningServer) -> list[dict[str, Any]]:
    """Return the uploads that can be resumed."""
    found: list[dict[str, Any]] = get_json(f"{server.base_url}{_STREAMING}/resumable")
    return found


def documents(server: RunningServer) -> list[dict[str, Any]]:
    """Return all documents."""
    found: list[dict[str, Any]] = get_json(f"{server.base_url}/api/documents")["documents"]
    return found


def clear(server: RunningServer) -> None:
    """Delete all uploads and documents, also those that are about to become one."""
    paths: list[str] = []
    for _ in range(_CLEARINGS):
        paths = [f"{_STREAMING}/{upload['session_id']}" for upload in unfinished(server)]
        paths += [f"/api/documents/{document['id']}" for document in documents(server)]
        if not paths:
            return
        for path in paths:
            request = urllib.request.Request(f"{server.base_url}{path}", method="DELETE")
            with suppress(urllib.error.HTTPError):  # it has ended meanwhile, or is verified
                urllib.request.urlopen(request, timeout=60).close()
        time.sleep(0.1)
    raise AssertionError(f"{paths} are still there")


def choose(page: Page, *files: Path) -> None:
    """Choose files as a user would."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files([str(file) for file in files])


def card(page: Page, filename: str) -> Locator:
    """Return the newest card of an upload."""
    return page.locator(".card", has=page.get_by_role("heading", name=filename)).first


def cancel(page: Page, upload: Locator) -> None:
    """Cancel an upload, and confirm it."""
    upload.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel upload").click()


def expect_state(page: Page, filename: str, state: str, *, seconds: float = 60) -> Locator:
    """Wait until an upload is in a state; return its card."""
    found = card(page, filename)
    expect(found).to_have_attribute("data-state", state, timeout=seconds * 1000)
    return found


def stored_percent(upload: Locator) -> int:
    """Return how much of an upload is stored, as its bar shows."""
    return int(upload.get_by_role("progressbar").get_attribute("aria-valuenow") or 0)


def settled_percent(page: Page, upload: Locator) -> int:
    """Return how much is stored once what was under way has come in."""
    before, now = -1, stored_percent(upload)
    while now != before:
        page.wait_for_timeout(300)
        before, now = now, stored_percent(upload)
    return now


def wait_until_stored(page: Page, filename: str, percent: int, *, seconds: float = 60) -> None:
    """Wait until at least some of an upload is stored."""
    bar = card(page, filename).get_by_role("progressbar")
    reached = "|".join(str(value) for value in range(percent, 101))
    expect(bar).to_have_attribute(
        "aria-valuenow", re.compile(f"^({reached})$"), timeout=seconds * 1000
    )


class SlowNetwork:
    """A network of a fixed speed for a page, so that an upload can be met half-way."""

    def __init__(self, page: Page, *, bytes_per_second: float) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Network.enable")
        self._speed = bytes_per_second
        self.restore()

    def cut(self) -> None:
        """Take the network away; the browser notices."""
        self._emulate(offline=True)

    def restore(self) -> None:
        """Give the network back, as slow as before."""
        self._emulate(offline=False)

    def _emulate(self, *, offline: bool) -> None:
        conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": self._speed}
        self._session.send("Network.emulateNetworkConditions", {"offline": offline, **conditions})


def heap_bytes(page: Page) -> float:
    """Return the size of the page's JavaScript heap after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"])


def audit(page: Page, screenshot: Screenshot, name: str) -> None:
    """Look for serious faults and skipped headings; for contrast in dark, too."""
    if not _AXE.exists():
        pytest.skip("axe-core is not installed: npm --prefix tests/js ci")
    # Through the debugger: the page's own policy forbids foreign scripts, as it should.
    page.context.new_cdp_session(page).send(
        "Runtime.evaluate", {"expression": _AXE.read_text(encoding="utf-8")}
    )
    for scheme, options in _AUDITS.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        screenshot(page, f"{name}-{scheme}")
        result = page.evaluate(
            "options => axe.run(document, {resultTypes: ['violations'], ...options})", options
        )
        faults = [
            f"{fault['id']}: {node['html']} {node['failureSummary']}"
            for fault in result["violations"]
            for node in fault["nodes"]
            if fault["impact"] in {"serious", "critical"} or fault["id"] == "heading-order"
        ]
        assert faults == [], f"{name}, {scheme}"
