"""Uploads through the page, with everything that may come between."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.page import (
    Screenshot,
    SlowNetwork,
    cancel,
    card,
    choose,
    documents,
    expect_state,
    heap_bytes,
    send,
    settled_percent,
    stored_percent,
    unfinished,
    wait_until_stored,
)
from tests.support.servers import RunningServer

OpenPage = Callable[..., Page]
_MB = 1_000_000


@pytest.mark.nightly
def test_a_large_file_flows_in_with_live_progress(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".connection")).to_have_attribute("data-state", "live")
    screenshot(page, "01-home")
    SlowNetwork(page, bytes_per_second=10 * _MB)
    before = heap_bytes(page)
    choose(page, pdfs / "annual-report.pdf")
    wait_until_stored(page, "annual-report.pdf", 30)
    upload = card(page, "annual-report.pdf")
    assert stored_percent(upload) < 100
    expect(upload.locator(".card-line")).to_contain_text(re.compile(r"MB/s · .* left"))
    expect(upload.locator("[data-chunk=durable], [data-chunk=validated]").first).to_be_visible()
    expect(upload.locator("dt:text-is('Checked') + dd")).to_contain_text(re.compile(r"[1-9].*MB"))
    screenshot(page, "02-uploading")
    assert heap_bytes(page) - before < 8 * _MB
    done = expect_state(page, "annual-report.pdf", "completed")
    expect(done.get_by_text("Nothing dangerous found")).to_be_visible()
    expect(done.locator("dt:text-is('Imported') + dd")).to_have_text("100 %", timeout=60_000)
    screenshot(page, "03-completed")
    (document,) = documents(own)
    assert document["file_size"] == (pdfs / "annual-report.pdf").stat().st_size
    assert document["page_count"] == 24


@pytest.mark.long
def test_a_file_with_the_name_of_a_document_becomes_its_next_version(
    own: RunningServer, open_page: OpenPage, tmp_path: Path, screenshot: Screenshot
) -> None:
    path = tmp_path / "statutes.pdf"
    texts = ["Statutes of the canal company", "Second page"]
    path.write_bytes(make_pdf(texts, noise_per_page=200_000))
    page = open_page(own.base_url)
    choose(page, path)
    expect_state(page, path.name, "completed")
    path.write_bytes(make_pdf([*texts, "Amendment"], noise_per_page=200_000))
    choose(page, path)
    dialog = page.get_by_role("dialog", name="A new version?")
    expect(dialog).to_contain_text("statutes.pdf")
    screenshot(page, "06-new-version")
    with page.expect_request(lambda request: request.method == "PUT") as sending:
        dialog.get_by_role("button", name="Upload as new version").click()
    assert sending.value.headers["content-type"] == "application/vnd.pdfsluice.delta"
    expect(page.locator(".card[data-state=completed]")).to_have_count(2)
    (document,) = documents(own)
    assert document["version"] == 2
    page.goto(f"{own.base_url}/#/documents/{document['id']}")
    earlier = page.locator(".versions").get_by_role("link", name="Version 1")
    earlier.click()
    expect(page.locator(".versions strong")).to_contain_text("Version 1")
    expect(page.get_by_text("A newer version replaced this one.")).to_be_visible()
    expect(page.get_by_role("button", name="Make searchable")).to_be_hidden()
    screenshot(page, "28-versions")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_label("Delete all versions").check()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("#/documents$"))
    assert documents(own) == []


@pytest.mark.long
def test_pause_resume_and_cancel(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=4 * _MB)
    choose(page, pdfs / "canal-survey.pdf")
    wait_until_stored(page, "canal-survey.pdf", 10)
    upload = card(page, "canal-survey.pdf")
    upload.get_by_role("button", name="Pause").click()
    expect_state(page, "canal-survey.pdf", "paused")
    screenshot(page, "04-paused")
    stored = settled_percent(page, upload)
    assert stored < 100
    page.wait_for_timeout(600)
    assert stored_percent(upload) == stored
    upload.get_by_role("button", name="Resume").click()
    wait_until_stored(page, "canal-survey.pdf", min(99, stored + 10))
    cancel(page, upload)
    expect_state(page, "canal-survey.pdf", "cancelled")
    expect(upload.get_by_text("What had arrived has been deleted.")).to_be_visible()
    screenshot(page, "05-cancelled")
    assert unfinished(own) == []


@pytest.mark.nightly
def test_cancelling_lasts_until_the_server_has_confirmed_it(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=4 * _MB)
    choose(page, pdfs / "canal-survey.pdf")
    wait_until_stored(page, "canal-survey.pdf", 10)
    own.kill()
    upload = expect_state(page, "canal-survey.pdf", "waiting")
    cancel(page, upload)
    expect_state(page, "canal-survey.pdf", "cancelling")
    expect(upload.get_by_text("The server has not confirmed it yet.")).to_be_visible()
    expect(upload.get_by_role("button", name="Cancel")).to_be_hidden()
    screenshot(page, "05-cancelling")
    own.start()
    expect_state(page, "canal-survey.pdf", "cancelled")
    assert unfinished(own) == []


@pytest.mark.nightly
def test_what_waits_for_its_turn_can_only_be_cancelled(
    own: RunningServer, open_page: OpenPage, pdfs: Path, tmp_path: Path
) -> None:
    names = [f"survey-{number}.pdf" for number in range(4)]
    files = [tmp_path / name for name in names]
    for number, file in enumerate(files):
        file.write_bytes((pdfs / "canal-survey.pdf").read_bytes() + b"%" * number)
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=4 * _MB)
    choose(page, *files)
    waiting = expect_state(page, names[3], "paused")
    expect(waiting.locator(".chip").first).to_have_text("Waiting for its turn")
    expect(waiting.get_by_role("button")).to_have_text(["Cancel"])
    waiting.get_by_role("button", name="Cancel").click()
    expect_state(page, names[3], "cancelled")
    for name in names[:3]:
        cancel(page, card(page, name))
        expect_state(page, name, "cancelled")


@pytest.mark.nightly
def test_what_had_arrived_whole_is_finished_without_its_file(
    own: RunningServer, open_page: OpenPage, pdfs: Path
) -> None:
    content = (pdfs / "handbook.pdf").read_bytes()
    streaming = f"{own.base_url}/api/documents/streaming"
    wanted = json.dumps({"filename": "handbook.pdf", "file_size": len(content)}).encode()
    session = send(f"{streaming}/initiate", wanted, "application/json")["session_id"]
    send(f"{streaming}/chunk/{session}?chunk_id=0", content, "application/octet-stream", "PUT")
    page = open_page(own.base_url)
    page.locator(".unfinished").get_by_role("button", name="Finish").click()
    expect(page.locator(".unfinished li")).to_have_count(0)
    expect(page.locator(".toast", has_text="handbook.pdf is uploaded.")).to_be_visible()
    page.get_by_role("link", name="Documents", exact=True).click()
    expect(page.locator(".row h2")).to_have_text("handbook")


@pytest.mark.long
def test_an_upload_is_resumed_after_a_reload_and_in_another_browser(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=2 * _MB)
    choose(page, pdfs / "canal-survey.pdf")
    wait_until_stored(page, "canal-survey.pdf", 60)  # more than a chunk
    page.reload()
    expect(page.locator(".unfinished .card-name")).to_have_text("canal-survey.pdf")
    screenshot(page, "06-unfinished")
    (session,) = unfinished(own)
    assert session["uploaded_chunks"] > 0

    other = open_page(own.base_url)
    item = other.locator(".unfinished li")
    with other.expect_file_chooser() as chooser:
        item.get_by_role("button", name="Choose file to continue").click()
    chooser.value.set_files(pdfs / "other" / "canal-survey.pdf")
    wrong = expect_state(other, "canal-survey.pdf", "failed")
    expect(wrong).to_contain_text("This is not the file")
    screenshot(other, "07-another-file-of-that-name")

    sent: list[str] = []
    other.on(
        "request", lambda request: sent.append(request.url) if request.method == "PUT" else None
    )
    choose(other, pdfs / "canal-survey.pdf")
    expect_state(other, "canal-survey.pdf", "completed")
    assert sent
    assert all(session["session_id"] in url for url in sent)
    offsets = [int(re.findall(r"chunk_offset=(\d+)", url)[0]) for url in sent]
    assert min(offsets) >= session["chunk_size"], "what had arrived was sent again"
    assert unfinished(own) == []


@pytest.mark.nightly
def test_a_server_that_is_killed_mid_upload_is_waited_for(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=4 * _MB)
    choose(page, pdfs / "canal-survey.pdf")
    wait_until_stored(page, "canal-survey.pdf", 20)
    own.kill()
    upload = expect_state(page, "canal-survey.pdf", "waiting")
    expect(upload).to_contain_text("Waiting for the server")
    expect(page.locator(".connection")).to_have_attribute("data-state", "away")
    screenshot(page, "08-server-away")
    own.start()
    expect_state(page, "canal-survey.pdf", "completed")
    assert [document["filename"] for document in documents(own)] == ["canal-survey.pdf"]


@pytest.mark.long
def test_the_network_may_go_and_come_back(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    network = SlowNetwork(page, bytes_per_second=4 * _MB)
    choose(page, pdfs / "canal-survey.pdf")
    wait_until_stored(page, "canal-survey.pdf", 20)
    network.cut()
    upload = expect_state(page, "canal-survey.pdf", "waiting")
    expect(upload).to_contain_text("Waiting for the network")
    screenshot(page, "09-offline")
    network.restore()
    expect_state(page, "canal-survey.pdf", "completed")


def test_a_malicious_file_is_stopped_while_it_arrives(
    own: RunningServer, open_page: OpenPage, pdfs: Path, screenshot: Screenshot
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=4 * _MB)
    choose(page, pdfs / "invoice.pdf")
    upload = expect_state(page, "invoice.pdf", "rejected")
    expect(upload.get_by_text("Stopped while arriving")).to_be_visible()
    expect(upload.get_by_text("Starts a program, runs when the document is opened")).to_be_visible()
    upload.get_by_role("button", name="Details").click()
    expect(upload.get_by_role("heading", name="Starts a program")).to_be_visible()
    expect(upload.locator(".finding").first).to_contain_text("runs when the document is opened")
    assert stored_percent(upload) < 90
    screenshot(page, "10-refused")
    assert documents(own) == []
    assert unfinished(own) == []


@pytest.mark.long
def test_many_files_together_have_a_row_each_and_one_is_no_pdf(
    own: RunningServer, open_page: OpenPage, pdfs: Path, tmp_path: Path, screenshot: Screenshot
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a PDF")
    names = [f"handbook-{number}.pdf" for number in range(5)]
    copies = []
    for name in names:
        copies.append(tmp_path / name)
        copies[-1].write_bytes((pdfs / "handbook.pdf").read_bytes() + b"%" + name.encode())
    page = open_page(own.base_url)
    choose(page, *copies, notes)
    expect(card(page, "notes.txt")).to_contain_text("This is not a PDF.")
    for name in names:
        expect_state(page, name, "completed")
        expect(card(page, name).get_by_text("Nothing dangerous found")).to_be_visible()
        expect(card(page, name).get_by_role("progressbar")).to_be_hidden()
    screenshot(page, "11-many")
    content = list(copies[0].read_bytes())
    transfer = page.evaluate_handle(
        "([name, bytes]) => { const transfer = new DataTransfer();"
        " transfer.items.add(new File([new Uint8Array(bytes)], name)); return transfer; }",
        [names[0], content],
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    expect(card(page, names[0])).to_contain_text("You have this document already")
    page.get_by_role("button", name="Remove finished").click()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()


@pytest.mark.nightly
def test_the_focus_stays_on_a_card_whose_buttons_change(
    own: RunningServer, open_page: OpenPage, pdfs: Path
) -> None:
    page = open_page(own.base_url)
    SlowNetwork(page, bytes_per_second=3_000_000)
    choose(page, pdfs / "canal-survey.pdf")
    upload = expect_state(page, "canal-survey.pdf", "uploading")
    upload.get_by_role("button", name="Pause").focus()
    for pressed, found in (("Pause", "Resume"), ("Resume", "Pause")):
        expect(upload.get_by_role("button", name=pressed)).to_be_focused()
        page.keyboard.press("Enter")
        expect(upload.get_by_role("button", name=found)).to_be_focused()
    page.keyboard.press("Tab")
    expect(upload.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep uploading")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(upload.get_by_role("button", name="Remove from list")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
