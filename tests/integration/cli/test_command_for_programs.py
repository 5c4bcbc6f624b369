"""What other programs rely on: JSON, standard output, addresses, names, help."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pikepdf import Encryption

from pdfsluice.cli.download import target_of
from pdfsluice.cli.invocation import command
from pdfsluice.client import Document
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support import active_pdfs as pdfs
from tests.support.commands import on_terminal, pdfsluice, pdfsluice_here, pdfsluice_started
from tests.support.servers import RunningServer
from tests.support.shares import share

ABSENT = "http://127.0.0.1:9"
FAILED, USAGE, REFUSED, UNREACHABLE = 1, 2, 3, 4


def new_pdf(path: Path, text: str = "Report") -> Path:
    path.write_bytes(make_pdf([f"{text} {os.urandom(8).hex()}"]))
    return path


def test_a_refusal_is_a_json_result(server: RunningServer, tmp_path: Path) -> None:
    good = new_pdf(tmp_path / "good.pdf")
    bad = pdfs.write(tmp_path / "bad.pdf", pdfs.opens_with(pdfs.javascript()))
    outcome = pdfsluice_here("upload", bad, good, "--json", "-q", "--server", server.base_url)
    assert outcome.code == REFUSED
    refused, stored = map(json.loads, outcome.out.splitlines())
    assert refused["file"] == str(bad)
    assert refused["error"]["code"] == "content-rejected"
    assert "javascript" in {finding["kind"] for finding in refused["error"]["findings"]}
    assert refused["session_id"]
    assert stored["filename"] == "good.pdf"


def test_each_file_has_a_json_result_if_the_server_cannot_be_reached(tmp_path: Path) -> None:
    files = [new_pdf(tmp_path / name) for name in ("one.pdf", "two.pdf")]
    outcome = pdfsluice_here("upload", *files, "--json", "--server", ABSENT)
    assert outcome.code == UNREACHABLE
    results = [json.loads(line) for line in outcome.out.splitlines()]
    assert [result["file"] for result in results] == [str(file) for file in files]
    assert {result["error"]["code"] for result in results} == {"unreachable"}
    assert "cannot be reached" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("sessions",),
        ("sessions", "--quarantined"),
        ("documents",),
        ("documents", "show", "1"),
        ("search", "x"),
        ("download", "1"),
    ],
)
def test_every_command_with_json_reports_failures_as_json(arguments: tuple[str, ...]) -> None:
    if arguments[:2] == ("documents", "show"):
        arguments = ("documents", "--server", ABSENT, "show", "1")
    else:
        arguments = (*arguments, "--server", ABSENT)
    outcome = pdfsluice_here(*arguments, "--json")
    assert outcome.code == UNREACHABLE
    assert json.loads(outcome.out)["error"]["code"] == "unreachable"


@pytest.mark.long
def test_a_document_has_the_reason_why_its_import_failed(
    server: RunningServer, tmp_path: Path
) -> None:
    at = ("--server", server.base_url)
    locked = Encryption(owner="owner", user=os.urandom(4).hex())
    path = pdfs.write(tmp_path / "locked.pdf", encryption=locked)
    uploaded = pdfsluice_here("upload", path, "--json", "-q", *at)
    assert uploaded.code == FAILED
    failed = json.loads(uploaded.out)
    assert failed["error"]["code"] == "import-failed"
    number = str(failed["document"]["id"])
    shown = pdfsluice_here("documents", "show", number, *at)
    (reason,) = json.loads(pdfsluice_here("documents", "show", number, "--json", *at).out)[
        "failures"
    ]
    assert reason
    assert reason in shown.out
    assert f"documents retry {number} text" in shown.err


@pytest.mark.nightly
def test_a_search_without_a_fitting_passage_reports_that(
    server: RunningServer, tmp_path: Path
) -> None:
    path = new_pdf(
        tmp_path / "otters.pdf", "Otters sleep beside the weir, and the sluices are shut"
    )
    at = ("--server", server.base_url)
    assert pdfsluice_here("upload", path, "--index", "-q", *at).code == 0
    nothing = pdfsluice_here("search", "zymurgical", "quaternions", *at)
    assert "Nothing was found" in nothing.err
    found = pdfsluice_here("search", "which", "sluice", "is", "shut", *at)
    assert "Nothing" not in found.err


@pytest.mark.long
def test_a_file_goes_to_standard_output(server: RunningServer, tmp_path: Path) -> None:
    path = new_pdf(tmp_path / "a.pdf")
    at = ("--server", server.base_url)
    document = json.loads(pdfsluice_here("upload", path, "--json", "-q", *at).out)
    number = str(document["id"])
    done = subprocess.run(
        [sys.executable, "-m", "pdfsluice.cli", "download", number, "-o", "-", *at],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert hashlib.sha256(done.stdout).hexdigest() == document["sha256"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.pdf"]
    program = shlex.join(
        [sys.executable, "-m", "pdfsluice.cli", "download", number, "-o", "-", *at]
    )
    for reader, reason in (("| true", ""), (">/dev/full", "No space left")):
        script = f"set -o pipefail; {program} {reader}"
        cut = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
        assert cut.returncode == 1, cut.stderr
        assert reason in cut.stderr
        assert not reason or "Errno" not in cut.stderr
        assert reason or cut.stderr == "", "a reader that has enough is no fault"
    assert "redirect standard output" in on_terminal(80, "download", number, "-o", "-", *at)


@pytest.mark.parametrize("letter", ["a", "я", "文", "🦦", "a\N{COMBINING ACUTE ACCENT}"])
def test_a_long_name_of_any_script_fits_the_file_system(tmp_path: Path, letter: str) -> None:
    document = Document(
        id=1,
        title="",
        filename=letter * 250 + ".pdf",
        file_size=1,
        created_at=None,  # type: ignore[arg-type]
    )
    target = target_of(document, tmp_path)
    assert target.name.endswith(".pdf")
    assert 200 <= len(os.fsencode(target.name)) <= 255
    target.write_bytes(b"")


def test_a_server_needs_no_scheme(server: RunningServer) -> None:
    bare = server.base_url.removeprefix("http://")
    assert pdfsluice_here("documents", "--json", "--server", bare).code == 0
    outcome = pdfsluice_here("documents", env={"PDFSLUICE_SERVER": bare})
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("uplaod", "x.pdf"), "did you mean 'upload'?"),
        (("--vresion",), "did you mean '--version'?"),
        (("upload", "--idnex", "x.pdf"), "did you mean '--index'?"),
        (("documents", "shwo", "1"), "did you mean 'show'?"),
        (("documents", "show", "1", "--jsno"), "did you mean '--json'?"),
    ],
)
def test_what_was_meant_is_asked(arguments: tuple[str, ...], meant: str) -> None:
    outcome = pdfsluice_here(*arguments)
    assert outcome.code == USAGE
    assert meant in outcome.err


@pytest.mark.long
@pytest.mark.parametrize("locale", share(["C", "POSIX"], every=2, nightly=["POSIX"]))
def test_a_query_needs_no_utf_8_locale(server: RunningServer, locale: str) -> None:
    env = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    outcome = pdfsluice_started(
        "search", "Schleuse über Kanäle", "--server", server.base_url, env=env
    )
    assert outcome.code == 0, outcome.err
    assert "defect" not in outcome.err


@pytest.mark.long
@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize(
    "arguments", [("--help",), ("upload", "--help"), ("documents", "--help"), ("keys", "--help")]
)
def test_help_is_never_cut(arguments: tuple[str, ...], columns: int) -> None:
    text = pdfsluice(*arguments, env={"COLUMNS": str(columns)}).out
    assert "…" not in text
    assert not re.search(r"[^\]]\.\.\.$", text.replace("{FILE}...", ""), re.MULTILINE)
    assert "PDFSLUICE_API_KEY_FILE" in text or arguments != ("documents", "--help")


def test_hints_are_commands_that_the_shell_finds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = Path(sys.executable).with_name("pdfsluice")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = subprocess.run(
        [f"{command('--version')}"], shell=True, capture_output=True, text=True, check=False
    )
    if script.exists():
        assert done.stdout.startswith("pdfsluice "), done.stderr
    monkeypatch.setenv("PATH", str(script.parent))
    assert command("search", "a b") == "pdfsluice search 'a b'"
