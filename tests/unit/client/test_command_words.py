"""The command prints whole sentences, whatever the form of their parts."""

from dataclasses import replace
from functools import partial
from io import StringIO
from typing import Annotated

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from pdfsluice.cli.bars import display
from pdfsluice.cli.console import counted
from pdfsluice.cli.failures import kinds_of, print_findings, report
from pdfsluice.cli.help import Group
from pdfsluice.client import ClientError
from pdfsluice.client.findings import Finding, Severity
from pdfsluice.client.progress import TransferProgress, why_waiting

Tags = Annotated[list[str] | None, typer.Option("--tag")]
Loud = Annotated[bool, typer.Option("--loud/--quiet")]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the upload was idle for too long", "error: The upload was idle for too long."),
        ("There is no such document.", "error: There is no such document."),
        ("report.pdf is empty", "error: report.pdf is empty."),
        ("http://127.0.0.1:1 does not answer", "error: http://127.0.0.1:1 does not answer."),
    ],
)
def test_an_error_is_a_sentence(
    message: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report(ClientError(message, hint="Try again."))
    assert capsys.readouterr().err == f"{shown}\n  Try again.\n"


def test_why_an_upload_waits_is_one_sentence() -> None:
    error = ClientError("There is no room for 554 more bytes; 0 can be taken.")
    said = "There is no room for 554 more bytes; 0 can be taken; trying again in 2.0 s"
    assert why_waiting(error, 2.0) == said


def test_a_log_has_a_line_for_each_reason_to_wait_and_not_for_each_attempt() -> None:
    written = StringIO()
    with display("a.pdf", Console(file=written, width=200), quiet=False) as bars:
        for reason, pause in (("no answer", 0.1), ("no answer", 1.7), ("busy; later", 2.0)):
            waiting = why_waiting(ClientError(reason), pause)
            bars.transfer(TransferProgress(stage="waiting", message=waiting))
    assert written.getvalue().splitlines() == [
        "a.pdf: waiting: no answer; trying again in 0.1 s",
        "a.pdf: waiting: busy; later; trying again in 2.0 s",
    ]


def test_one_is_no_plural() -> None:
    assert [counted(number, "page") for number in (0, 1, 2)] == ["0 pages", "1 page", "2 pages"]


def test_kinds_are_named_once_and_the_worst_first() -> None:
    findings = [
        Finding(kind=kind, severity=severity, stage="s", message="")
        for kind, severity in (
            ("open_action", Severity.INFO),
            ("encrypted", Severity.MEDIUM),
            ("launch", Severity.CRITICAL),
            ("encrypted", Severity.LOW),
        )
    ]
    assert kinds_of(findings) == "launch, encrypted"
    assert kinds_of(findings[:1]) == "open_action", "better than nothing"


def test_equal_findings_are_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    link = Finding(
        kind="link",
        severity=Severity.INFO,
        stage="s",
        message="It links.",
        advice="Look.",
        offset=1234,
    )
    launch = replace(link, kind="launch", severity=Severity.HIGH, offset=None)
    print_findings([link, launch, replace(link, offset=5678), replace(link, offset=9)])
    assert capsys.readouterr().err.splitlines() == [
        "  high launch: It links.",
        "    Look.",
        "  info link at byte 1,234 and 2 other places: It links.",
        "    Look.",
    ]


def test_options_of_any_kind_before_a_command_count_for_it() -> None:
    app = typer.Typer(cls=Group)

    @app.callback()
    def group(tag: Tags = None, *, loud: Loud = True) -> None:
        del tag, loud

    @app.command()
    def show(tag: Tags = None, *, loud: Loud = True) -> None:
        typer.echo(f"{tag} {loud}")

    run = partial(CliRunner().invoke, app)
    assert run(["--tag", "a", "--tag", "b", "--quiet", "show"]).output == "['a', 'b'] False\n"
    assert run(["--quiet", "show", "--loud"]).output == "None True\n"
    assert run(["show"]).output == "None True\n"
