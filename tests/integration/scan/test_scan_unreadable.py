"""What `pdfsluice scan` cannot read is reported, and never waited for."""

import json
import os
import socket
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pdfsluice.core.models.findings import Decision, Finding, Severity
from pdfsluice.core.scanning.inspection import Inspection
from pdfsluice.plugins.scan.output import Text
from tests.support import active_pdfs as pdfs
from tests.support.commands import Outcome, pdfsluice, pdfsluice_as_user

OK, FAILED, USAGE = 0, 1, 2


def scan(*arguments: str | Path, stdin: bytes = b"") -> tuple[Outcome, dict[str, dict[str, Any]]]:
    """Scan in a process of its own; return its end, and each file's result by name."""
    done = pdfsluice_as_user("scan", "--no-deep", "--json", *arguments, stdin=stdin)
    results = map(json.loads, done.out.splitlines())
    return done, {Path(result["file"]).name: result for result in results}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one file that can be read."""
    path = tmp_path / "incoming"
    path.mkdir()
    pdfs.write(path / "clean.pdf")
    return path


def test_what_cannot_be_read_in_a_folder_is_reported(folder: Path) -> None:
    (folder / "locked.bin").write_bytes(b"%PDF-1.7")
    (folder / "locked.bin").chmod(0)
    (folder / "closed").mkdir(mode=0)

    done, results = scan(folder)

    assert done.code == FAILED
    assert results["locked.bin"]["error"] == "Permission denied"
    assert results["closed"]["error"] == "Permission denied"
    assert results["clean.pdf"]["verdict"] == "accept"


def test_an_unreadable_file_among_others_stops_none(folder: Path) -> None:
    locked = pdfs.write(folder / "locked.pdf")
    locked.chmod(0)

    done, results = scan(locked, folder / "clean.pdf")

    assert done.code == FAILED
    assert results["locked.pdf"]["error"] == "Permission denied"
    assert results["clean.pdf"]["verdict"] == "accept"


def test_a_folder_without_a_pdf_is_no_clean_one(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("no PDF")

    done, results = scan(empty, folder)

    assert done.code == FAILED
    assert done.err == f"There is no PDF in {empty}.\n"
    assert list(results) == ["clean.pdf"]
    assert scan(folder)[0].code == OK


def test_what_is_no_regular_file_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.pdf")
    os.mkfifo(folder / "other")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket.pdf"))
        done, results = scan(folder, folder / "pipe.pdf", "/dev/null")

    assert done.code == FAILED
    assert results["pipe.pdf"]["error"] == "Not a regular file"
    assert results["null"]["error"] == "Not a regular file"
    assert results["socket.pdf"]["error"]
    assert results["clean.pdf"]["verdict"] == "accept"
    assert "other" not in results, "it does not say that it is a PDF"


def test_a_name_cannot_write_lines_or_control_the_terminal(folder: Path) -> None:
    (folder / "clean.pdf").rename(folder / "a\naccept     b\x1b[2J.pdf")
    (folder / "gone\x1b[31m").symlink_to(folder / "nowhere")
    done = pdfsluice_as_user("scan", "--no-deep", folder, folder / "gone\x1b[31m")
    assert r"incoming/a\naccept     b\x1b[2J.pdf" in done.out
    assert r"incoming/gone\x1b[31m" in done.out
    assert "\x1b" not in done.out + done.err
    (folder / "empty\x1b[31m").mkdir()
    assert r"empty\x1b[31m" in scan(folder / "empty\x1b[31m")[0].err


def test_a_pipe_as_input_is_no_finding(folder: Path) -> None:
    data = (folder / "clean.pdf").read_bytes()
    done = pdfsluice_as_user("scan", "--json", "/dev/stdin", stdin=data)
    result = json.loads(done.out)
    assert (done.code, result["error"]) == (FAILED, "Not a regular file")
    assert (result["verdict"], result["findings"]) == (None, [])


def test_a_dash_is_answered_with_what_to_do(folder: Path) -> None:
    done = pdfsluice_as_user("scan", "-", stdin=(folder / "clean.pdf").read_bytes())
    assert (done.code, "store it in a file first" in done.err) == (USAGE, True)


def test_a_file_as_input_is_scanned_whole(folder: Path) -> None:
    with (folder / "clean.pdf").open("rb") as file:
        done = pdfsluice_as_user("scan", "--json", "/dev/stdin", stdin=file)
    result = json.loads(done.out)
    assert (done.code, result["verdict"], result["findings"]) == (OK, "accept", [])


def test_an_unknown_policy_is_answered_with_the_choices(folder: Path) -> None:
    done, _ = scan(folder, "--policy", "nope")
    assert done.code == USAGE
    assert all(name in done.err for name in ("--policy", "permissive", "standard", "strict"))
    by_setting = pdfsluice("scan", folder, env={"PDFSLUICE_POLICY": "gone"})
    assert by_setting.code == USAGE
    assert "Registered are: rules" in by_setting.err


def test_a_plugins_own_kind_is_explained_where_it_is_found() -> None:
    done = pdfsluice("scan", "--explain", "forbidden_word")
    assert done.code == USAGE
    assert "No stage explains the kind 'forbidden_word'" in done.err
    assert "javascript" in done.err

    written = StringIO()
    found = Finding(
        kind="forbidden_word",
        severity=Severity.LOW,
        stage="words",
        message="A word.",
        advice="Ask for another.",
    )
    Text(Console(file=written)).add(
        Inspection(path=Path("a.pdf"), decision=Decision.FLAG, findings=(found,))
    )
    assert "Ask for another." in written.getvalue()
