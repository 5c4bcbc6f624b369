"""`pdfsluice upload`, `resume`, `sessions` and `cancel` against real servers."""

import json
import os
import re
import shlex
import urllib.request
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import interrupted, pdfsluice_here
from tests.support.servers import RunningServer, Serve

REFUSED, UNREACHABLE, AUTHENTICATION, INTERRUPTED = 3, 4, 5, 130


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "the report.pdf"
    path.write_bytes(make_pdf([f"Report {os.urandom(8).hex()}"], noise_per_page=3_000_000))
    return path


def sessions(server: RunningServer) -> list[dict[str, object]]:
    outcome = pdfsluice_here("sessions", "--json", "--server", server.base_url)
    return [json.loads(line) for line in outcome.out.splitlines()]


def stored_bytes(server: RunningServer) -> int:
    """Return how much of the only unfinished upload the server has, quickly."""
    address = f"{server.base_url}/api/documents/streaming/resumable"
    with urllib.request.urlopen(address) as answer:
        found = json.load(answer)
    return int(found[0]["uploaded_chunks"]) if found else 0


def test_upload_reports_what_became_of_the_file(server: RunningServer, pdf: Path) -> None:
    outcome = pdfsluice_here("upload", pdf, "--title", "My report", "--server", server.base_url)
    assert outcome.code == 0, outcome.err
    assert re.search(r"the report.pdf is document \d+: My report \(.*1 page\)", outcome.out)
    assert "uploading" in outcome.err

    again = pdfsluice_here("upload", pdf, "--server", server.base_url)
    assert again.code == 0
    assert "is already there as document" in again.out


def test_json_is_for_programs(server: RunningServer, pdf: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pdf"
    other.write_bytes(make_pdf([f"Other {os.urandom(8).hex()}"]))
    outcome = pdfsluice_here("upload", pdf, other, "--json", "--quiet", "-s", server.base_url)
    first, second = map(json.loads, outcome.out.splitlines())
    assert outcome.code == 0
    assert outcome.err == ""
    assert [first["filename"], second["filename"]] == ["the report.pdf", "other.pdf"]
    assert first["import_status"] == "done"


@pytest.mark.long
def test_interrupted_upload_continues_with_the_printed_command(serve: Serve, pdf: Path) -> None:
    server = serve(STREAMING_CHUNK_SIZE_MB="0.0625")
    upload = ("upload", pdf, "--limit-rate", "200kB", "-p", "1", "--server", server.base_url)

    stopped = interrupted(*upload, when=lambda: stored_bytes(server) >= 2)

    assert stopped.code == INTERRUPTED, stopped.err
    (unfinished,) = sessions(server)
    (command,) = re.findall(r"^  pdfsluice (resume .*)$", stopped.err, re.MULTILINE)
    assert unfinished["session_id"] in command
    resumed = pdfsluice_here(*shlex.split(command))
    assert resumed.code == 0, resumed.err
    assert "is document 1" in resumed.out
    assert sessions(server) == []


def test_cancelled_upload_is_gone(serve: Serve, pdf: Path) -> None:
    server = serve(STREAMING_CHUNK_SIZE_MB="0.0625")
    upload = ("upload", pdf, "--limit-rate", "200kB", "-p", "1", "--server", server.base_url)
    interrupted(*upload, when=lambda: stored_bytes(server) >= 1)
    listed = pdfsluice_here("sessions", "--server", server.base_url)
    (unfinished,) = sessions(server)
    session_id = str(unfinished["session_id"])
    assert session_id in listed.out

    assert pdfsluice_here("cancel", session_id, "--server", server.base_url).code == 0

    assert sessions(server) == []
    resumed = pdfsluice_here("resume", session_id, pdf, "--server", server.base_url)
    assert resumed.code == 1
    assert "error: The upload was cancelled." in resumed.err
    assert "Traceback" not in resumed.err


def test_refusal_has_the_reason(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "launch.pdf"
    path.write_bytes(
        b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R"
        b"/OpenAction<</S/Launch/F(cmd.exe)>>>> endobj\n"
        b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
        b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>> endobj\n"
        b"trailer <</Root 1 0 R/Size 4>>\n%%EOF\n"
    )
    outcome = pdfsluice_here("upload", path, "--server", server.base_url)
    assert outcome.code == REFUSED, outcome.err
    assert "launch" in outcome.err
    assert outcome.err.index("critical launch") < outcome.err.index("info open_action")
    assert "Traceback" not in outcome.err


def test_an_empty_file_is_not_sent(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "empty.pdf"
    path.touch()
    outcome = pdfsluice_here("upload", path, "--server", server.base_url)
    assert outcome.code == 1
    assert f"{path} is empty" in outcome.err


def test_each_of_several_files_is_named_with_what_went_wrong(
    server: RunningServer, tmp_path: Path
) -> None:
    for name in ("first.pdf", "second\x1b[31m\n.pdf"):
        (tmp_path / name).write_text("no PDF")
    files = sorted(tmp_path.iterdir())
    outcome = pdfsluice_here("upload", "-q", *files, "--server", server.base_url)
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith("error: first.pdf: The file was refused: ")
    assert errors[1].startswith(r"error: second\x1b[31m\n.pdf: ")
    assert len(errors) == 2
    alone = pdfsluice_here("upload", files[1], "--server", server.base_url)
    assert alone.err.startswith(r"second\x1b[31m\n.pdf: reading")
    assert "\x1b" not in outcome.err + alone.err


def test_a_server_without_tls_is_distinguished_from_an_absent_one(server: RunningServer) -> None:
    address = server.base_url.replace("http:", "https:")
    outcome = pdfsluice_here("documents", "--server", address)
    assert outcome.code == UNREACHABLE
    assert "No secure connection" in outcome.err
    assert "https" in outcome.err


def test_absent_server_is_named(pdf: Path) -> None:
    outcome = pdfsluice_here("upload", pdf, "--server", "http://127.0.0.1:1")
    assert outcome.code == UNREACHABLE
    assert "http://127.0.0.1:1 cannot be reached" in outcome.err
    assert "resume" not in outcome.err, "there is nothing to resume"


@pytest.mark.parametrize(
    "arguments",
    [
        ("upload", "absent.pdf"),
        ("upload", "{pdf}", "--chunk-size", "many"),
        ("upload", "{pdf}", "--server", "nowhere"),
        ("upload", "{pdf}", "{pdf}", "--title", "one title for two"),
        ("uplaod", "{pdf}"),
        ("upload", "{pdf}", "--parallel", "0"),
        ("upload", "{pdf}", "--patience", "nan"),
        ("upload", "{pdf}", "--replaces", "x"),
        ("upload", "{pdf}", "--server", "http://["),
        ("documents", "show", "x"),
        ("search", "water", "--match", "nope"),
        ("keys", "add", "alice", "--request-rate", "-1"),
        ("demo", "--port", "70000"),
    ],
)
def test_wrong_use_is_explained(arguments: tuple[str, ...], pdf: Path) -> None:
    outcome = pdfsluice_here(*(argument.format(pdf=pdf) for argument in arguments))
    assert outcome.code == 2
    assert "Error" in outcome.err
    assert not re.search("Input should|Value error|IPv6", outcome.err), outcome.err
    assert outcome.out == ""


def test_a_key_that_may_only_upload_uploads_all_files(serve: Serve, tmp_path: Path) -> None:
    data_dir = tmp_path / "keyed"
    files = [tmp_path / name for name in ("first.pdf", "second.pdf")]
    for file in files:
        file.write_bytes(make_pdf([file.name]))
    add = ("keys", "add", "sender", "--scope", "upload", "--data-dir", data_dir)
    env = {"PDFSLUICE_API_KEY": pdfsluice_here(*add).out.strip()}
    at = ("--server", serve(data_dir=data_dir).base_url)
    for times in range(2):
        sent = pdfsluice_here("upload", *files, *at, env=env)
        assert sent.code == 0, f"{times}: {sent.err}"
        assert sent.out.count("is document" if times == 0 else "is already there as document") == 2
        assert "cannot be followed: the key 'sender' does not have the scope read." in sent.err


@pytest.mark.long
def test_keys_come_from_the_environment_or_a_file(serve: Serve, pdf: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "keyed"
    added = pdfsluice_here("keys", "add", "tester", "--data-dir", data_dir)
    assert added.code == 0, added.err
    key = added.out.strip()
    server = serve(data_dir=data_dir)
    key_file = tmp_path / "key"
    key_file.write_text(f"{key}\n")

    without = pdfsluice_here("documents", "--server", server.base_url)
    wrong = pdfsluice_here("upload", pdf, "-s", server.base_url, env={"PDFSLUICE_API_KEY": "wrong"})
    by_file = pdfsluice_here("upload", pdf, "-s", server.base_url, "--api-key-file", key_file)
    by_name = pdfsluice_here("documents", "-s", server.base_url, env={"PDFSLUICE_API_KEY": key})

    assert (without.code, wrong.code) == (AUTHENTICATION, AUTHENTICATION)
    assert "PDFSLUICE_API_KEY" in without.err or "key" in without.err
    assert (by_file.code, by_name.code) == (0, 0), by_file.err + by_name.err
    assert "the report" in by_name.out
    assert key not in by_file.out + by_file.err
