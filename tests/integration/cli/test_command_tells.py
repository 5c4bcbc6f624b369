"""The command reports the results of uploads and the next steps."""

import json
import os
import re
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest
from pikepdf import Encryption, Name, String

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support import active_pdfs as pdfs
from tests.support.commands import interrupted, on_terminal, pdfsluice, pdfsluice_here
from tests.support.servers import RunningServer, Serve
from tests.support.web import STREAMING

FAILED, USAGE, REFUSED, UNREACHABLE, AUTHENTICATION = 1, 2, 3, 4, 5
ABSENT = "00000000-0000-4000-8000-000000000000"


def flagged(path: Path) -> Path:
    return pdfs.write(path, pdfs.annotation(Subtype=Name.Screen, NM=String(os.urandom(8).hex())))


def dangerous(path: Path) -> Path:
    return pdfs.write(path, pdfs.opens_with(pdfs.javascript()))


def unfinished(server: RunningServer, path: Path) -> str:
    """Begin an upload, stop it, and return its session."""
    path.write_bytes(make_pdf([f"Report {os.urandom(8).hex()}"], noise_per_page=3_000_000))
    at = ("--server", server.base_url)

    def begun() -> bool:  # the client has its session before it sends a chunk
        with urllib.request.urlopen(f"{server.base_url}{STREAMING}/resumable") as answer:
            sessions = json.load(answer)
        return any(each["uploaded_chunks"] for each in sessions if each["filename"] == path.name)

    stopped = interrupted("upload", path, "--limit-rate", "50kB", "-p", "1", *at, when=begun)
    (session,) = re.findall(r"pdfsluice resume (\S+)", stopped.err)
    return str(session)


def test_a_flagged_file_does_not_look_clean(server: RunningServer, tmp_path: Path) -> None:
    at = ("--server", server.base_url)
    told = pdfsluice_here("upload", flagged(tmp_path / "film.pdf"), "-q", *at)
    assert told.code == 0, told.err
    assert re.search(
        r"^! film.pdf is document (\d+): .* 1 page\); flagged: rich_media;"
        r" see pdfsluice documents show \1$",
        told.out,
        re.MULTILINE,
    )


def test_what_was_not_looked_into_is_reported_too(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "locked.pdf"
    pdfs.write(path, encryption=Encryption(owner="owner", user=os.urandom(4).hex()))
    at = ("--server", server.base_url)

    outcome = pdfsluice_here("upload", path, "--no-wait", "-q", *at)

    assert "flagged: encrypted; 1 part not checked; see" in outcome.out
    (number,) = re.findall(r"documents show (\d+)", outcome.out)
    assert "not checked" in pdfsluice_here("documents", *at, "show", number).err
    waited = pdfsluice_here("upload", path, "-q", *at)
    assert waited.code == FAILED
    assert "its import failed" in waited.err
    assert "flagged: encrypted; 1 part not checked; see" in waited.err


@pytest.mark.long
def test_a_refused_file_that_is_kept_is_shown_with_its_session(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(PDFSLUICE_PLUGINS__POLICY__QUARANTINE_REJECTED="true")
    at = ("--server", server.base_url)

    outcome = pdfsluice_here("upload", dangerous(tmp_path / "script.pdf"), "-q", *at)

    assert outcome.code == REFUSED, outcome.err
    (session,) = re.findall(r"^  pdfsluice release (\S+)$", outcome.err, re.MULTILINE)
    listed = pdfsluice_here("sessions", "--quarantined", *at).out
    assert session in listed
    assert "javascript" in listed
    assert "open_action" not in listed, "it is a note, and refused nothing"
    assert pdfsluice_here("release", ABSENT, session, *at).code == FAILED
    assert "Nothing is in quarantine" in pdfsluice_here("sessions", "--quarantined", *at).err


def test_a_refused_file_that_is_not_kept_has_no_release(
    server: RunningServer, tmp_path: Path
) -> None:
    path = dangerous(tmp_path / "script.pdf")
    outcome = pdfsluice_here("upload", path, "-q", "--server", server.base_url)
    assert outcome.code == REFUSED
    assert "release" not in outcome.err


@pytest.mark.long
def test_names_are_whole_on_terminals_and_in_pipes(serve: Serve, tmp_path: Path) -> None:
    server = serve(STREAMING_CHUNK_SIZE_MB="0.0625")
    name = "a long name of the quarterly report, the final version.pdf"
    session = unfinished(server, tmp_path / name)
    at = ("--server", server.base_url)

    shown = on_terminal(80, "sessions", *at)
    piped = pdfsluice("sessions", *at, env={"COLUMNS": ""}).out

    assert session in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    header, *rows = shown.splitlines()
    start, end = header.index("File"), header.index("Started")
    assert name in " ".join(row[start:end].strip() for row in rows)
    (row,) = [line for line in piped.splitlines() if session in line]
    assert name in row


def test_the_origin_of_a_setting_is_whole() -> None:
    variable = "PDFSLUICE_PLUGINS__POLICY__QUARANTINE_REJECTED"
    piped = pdfsluice("settings", env={variable: "true", "COLUMNS": "80"}).out
    assert variable in piped


@pytest.mark.long
def test_one_unknown_upload_does_not_keep_the_others(serve: Serve, tmp_path: Path) -> None:
    server = serve(STREAMING_CHUNK_SIZE_MB="0.0625")
    session = unfinished(server, tmp_path / "report.pdf")
    at = ("--server", server.base_url)

    outcome = pdfsluice_here("cancel", ABSENT, session, "nonsense", *at)

    assert outcome.code == FAILED
    assert f"Cancelled {session}." in outcome.out
    assert ABSENT in outcome.err
    assert "nonsense" in outcome.err
    assert "There are no unfinished uploads" in pdfsluice_here("sessions", *at).err


@pytest.mark.parametrize("command", ["cancel", "release"])
def test_an_unknown_upload_is_answered_with_where_to_look(
    server: RunningServer, command: str
) -> None:
    outcome = pdfsluice_here(command, ABSENT, "--server", server.base_url)
    assert outcome.code == FAILED
    assert "See which there are: pdfsluice sessions" in outcome.err
    assert "new upload" not in outcome.err


@pytest.mark.parametrize(
    "arguments", [("search", ""), ("search", " ", ""), ("documents", "rename", "1", " ")]
)
def test_empty_words_are_not_sent(arguments: Sequence[str]) -> None:
    outcome = pdfsluice_here(*arguments)  # no server is asked
    assert outcome.code == USAGE
    assert "Invalid value for" in outcome.err


def test_a_key_is_asked_for_by_its_names(serve: Serve, tmp_path: Path) -> None:
    data_dir = tmp_path / "keyed"
    key = pdfsluice_here("keys", "add", "reader", "--scope", "read", "--data-dir", data_dir).out
    server = serve(data_dir=data_dir)
    at = ("--server", server.base_url)

    for env in ({}, {"PDFSLUICE_API_KEY": "wrong"}):
        outcome = pdfsluice_here("documents", *at, env=env)
        assert outcome.code == AUTHENTICATION
        assert "PDFSLUICE_API_KEY or --api-key-file" in outcome.err
    reading = pdfsluice_here("documents", *at, env={"PDFSLUICE_API_KEY": key})
    assert (reading.code, reading.err) == (0, "You have no documents yet.\n")
