"""``pdfsluice scan`` as a user runs it: real processes, files and exit codes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pikepdf import Name
from typer.testing import CliRunner

from pdfsluice.cli.program import app
from pdfsluice.plugins.pdf.explanations import EXPLANATIONS
from tests.support import active_pdfs as pdfs
from tests.support.shares import share

KEYS = ["file", "bytes", "ms", "verdict", "findings", "unscanned", "error"]
FINDING_KEYS = [
    "kind",
    "severity",
    "stage",
    "offset",
    "object",
    "trigger",
    "hidden",
    "revision",
    "message",
    "excerpt",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scanned")
    pdfs.write(folder / "clean.pdf")
    pdfs.write(folder / "opens.pdf", pdfs.opens_with(pdfs.javascript()), **pdfs.OBJECT_STREAMS)
    pdfs.write(folder / "media.pdf", pdfs.annotation(Subtype=Name.Screen))
    (folder / "below").mkdir()
    pdfs.write(folder / "below" / "program.bin", pdfs.attached(pdfs.windows_program(), "a.exe"))
    (folder / "below" / "notes.txt").write_text("no PDF")
    return folder


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PDFSLUICE_", "STREAMING_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


def scan(*arguments: object) -> Done:
    """Run the command in this process, which has imported everything already."""
    result = CliRunner().invoke(app, ["scan", *map(str, arguments)])
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.mark.long
def test_the_program_has_the_command(files: Path) -> None:
    """One run as a process of its own; the others are spared its start."""
    done = subprocess.run(
        [sys.executable, "-m", "pdfsluice.cli", "scan", str(files), "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 4


def lines(done: Done) -> dict[str, dict[str, Any]]:
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(result["file"]).name: result for result in results}


def test_json_lines_report_all_of_a_folder(files: Path) -> None:
    done = scan(files, "--json")
    results = lines(done)
    assert list(results) == ["clean.pdf", "media.pdf", "opens.pdf", "program.bin"]
    assert all(list(result) == KEYS for result in results.values())
    assert {name: result["verdict"] for name, result in results.items()} == {
        "clean.pdf": "accept",
        "media.pdf": "flag",
        "opens.pdf": "reject",
        "program.bin": "reject",
    }
    assert results["clean.pdf"]["findings"] == []
    assert results["clean.pdf"]["bytes"] == (files / "clean.pdf").stat().st_size
    assert results["clean.pdf"]["ms"] > 0
    assert done.returncode == 3


def test_a_finding_has_its_place_from_the_stream_and_its_trigger_from_the_walk(
    files: Path,
) -> None:
    (result,) = lines(scan(files / "opens.pdf", "-f", "json")).values()
    assert all(list(finding) == FINDING_KEYS for finding in result["findings"])
    (script,) = [f for f in result["findings"] if f["kind"] == "javascript"]
    assert script["stage"] == "pdf-security"
    assert script["offset"] > 0
    assert script["trigger"] == "open"
    assert script["hidden"] is True
    assert script["revision"] == "current"
    assert script["excerpt"] == "app.alert(1)"


@pytest.mark.parametrize("size", share(["7", "1", "64KiB"], every=3, nightly=["64KiB"]))
def test_the_chunk_size_changes_nothing(files: Path, size: str) -> None:
    whole = lines(scan(files / "opens.pdf", "--json"))["opens.pdf"]
    small = lines(scan(files / "opens.pdf", "--json", "--chunk-size", size))["opens.pdf"]
    assert small["findings"] == whole["findings"]


def test_the_streaming_pass_alone(files: Path) -> None:
    results = lines(scan(files, "--json", "--no-deep"))
    assert results["opens.pdf"]["verdict"] == "reject"
    told = [finding for result in results.values() for finding in result["findings"]]
    assert {finding["stage"] for finding in told} <= {"pdf-structure", "pdf-security"}


def test_policies_and_thresholds(files: Path) -> None:
    strict = scan(files / "media.pdf", "--json", "--policy", "strict", "--no-deep")
    assert lines(strict)["media.pdf"]["verdict"] == "reject"
    assert strict.returncode == 3
    assert scan(files / "media.pdf", "--no-deep").returncode == 0
    assert scan(files / "media.pdf", "--fail-on", "flag", "--no-deep").returncode == 3
    assert scan(files / "opens.pdf", "--fail-on", "never", "--no-deep").returncode == 0
    permissive = scan(files / "opens.pdf", "--json", "--policy", "permissive", "--no-deep")
    assert lines(permissive)["opens.pdf"]["verdict"] == "flag"


def test_one_file_that_cannot_be_read_stops_no_other(files: Path) -> None:
    done = scan(files / "absent.pdf", files / "clean.pdf", "--json")
    results = lines(done)
    assert results["absent.pdf"]["error"] == "No such file or directory"
    assert results["absent.pdf"]["verdict"] is None
    assert results["clean.pdf"]["verdict"] == "accept"
    assert done.returncode == 1


def test_names_of_files_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    name = "[red]odd\n\udcff.pdf"
    pdfs.write(tmp_path / "f.pdf").rename(tmp_path / name)
    done = scan(tmp_path, "--json")
    assert done.returncode == 0
    assert "[red]odd\n\\udcff.pdf" in json.loads(done.stdout)["file"]
    assert "[red]odd" in scan(tmp_path).stdout


def test_text_is_for_people(files: Path) -> None:
    done = scan(files / "opens.pdf", files / "clean.pdf", "--jobs", "1")
    assert "reject" in done.stdout
    assert "it runs when the document is opened" in done.stdout
    assert "app.alert(1)" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 reject, 1 accept"


def test_sarif_for_code_hosts(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    done = scan("opens.pdf", "absent.pdf", "--format", "sarif")
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"note", "warning", "error"}
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "opens.pdf"
        assert place["region"]["byteOffset"] >= 0
    (script,) = [r for r in run["results"] if r["ruleId"] == "javascript"]
    assert script["level"] == "error"
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (trouble,) = invocation["toolExecutionNotifications"]
    assert trouble["message"]["text"] == "No such file or directory"


@pytest.mark.parametrize("kind", ["javascript", "executable", "resource-limit"])
def test_kinds_are_explained(kind: str) -> None:
    done = scan("--explain", kind)
    assert done.returncode == 0
    explanation = {str(k): e for k, e in EXPLANATIONS.items()}[kind.replace("-", "_")]
    assert explanation.title in done.stdout
    assert explanation.advice.split()[0] in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--explain", "nothing"],
        ["x.pdf", "--chunk-size", "0"],
        ["x.pdf", "--chunk-size", "many"],
        ["x.pdf", "--policy", "lenient"],
        ["x.pdf", "--jobs", "0"],
    ],
    ids=str,
)
def test_a_wrong_command_line_scans_nothing(arguments: list[str]) -> None:
    done = scan(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
