"""Errors in words for people, and the exit code of each."""

import asyncio
import re
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

import typer
from rich.markup import escape

from pdfsluice.client.errors import (
    AuthenticationFailed,
    ClientError,
    ContentRejected,
    PermissionDenied,
    Unreachable,
)
from pdfsluice.client.findings import Finding, Severity
from pdfsluice.config import SettingsError
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.plugins.extras import missing_extra

from .console import counted, err, print_json
from .exits import Exit
from .invocation import program

T = TypeVar("T")
_WORD = re.compile(r"[a-z]+(?:,| (?!=))")  # not the name of a setting
_ENDS = (".", "!", "?")


def run(work: Coroutine[Any, Any, T], *, as_json: bool = False) -> T:
    """Run a command's coroutine; end the command with a message if it fails.

    Args:
        work: The coroutine.
        as_json: Whether a failure is also printed as JSON, for other programs.

    Raises:
        typer.Exit: It failed or was interrupted.
    """
    try:
        return asyncio.run(work)
    except ClientError as error:
        if as_json:
            print_json({"error": as_object(error)})
        raise typer.Exit(report(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None


def report(error: Exception, about: str = "") -> Exit:
    """Print an error and return the exit code that belongs to it.

    Args:
        error: What went wrong.
        about: The name of the file with which it did, if there are several.
    """
    message, hint = _words(error)
    subject = f"{about}: " if about and about not in message else ""
    err.print(f"[bold red]error:[/] {escape(subject + _sentence(message))}", soft_wrap=True)
    if isinstance(error, ContentRejected):
        print_findings(error.findings)
    if hint:
        err.print(f"  [dim]{escape(hint)}[/]", soft_wrap=True)
    return exit_of(error)


def as_object(error: ClientError) -> dict[str, Any]:
    """Return an error as other programs read it."""
    findings = {"findings": error.findings} if isinstance(error, ContentRejected) else {}
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "status": error.status,
        "retryable": error.retryable,
        **findings,
    }


def print_findings(findings: Iterable[Finding]) -> None:
    """List findings, the worst first, with what to do about them; equal ones once."""
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in by_gravity(findings):
        key = (finding.severity, finding.kind, finding.message, finding.advice)
        alike.setdefault(key, []).append(finding)
    for (severity, kind, message, advice), group in alike.items():
        err.print(
            f"  [yellow]{escape(severity)}[/] {escape(kind)}{_location(group)}: {escape(message)}",
            soft_wrap=True,
        )
        if advice:
            err.print(f"    [dim]{escape(advice)}[/]", soft_wrap=True)


def _location(alike: Sequence[Finding]) -> str:
    """Return where the first of equal findings is, and how many others there are."""
    first = "" if alike[0].offset is None else f" at byte {alike[0].offset:,}"
    others = len(alike) - 1
    return f"{first} and {counted(others, 'other place')}" if others else first


def hopeless(error: ClientError) -> bool:
    """Return whether the next request would meet the same error."""
    return isinstance(error, Unreachable | AuthenticationFailed | PermissionDenied)


def by_gravity(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the worst first."""
    return sorted(findings, key=lambda each: -each.severity.rank)


def kinds_of(findings: Iterable[Finding]) -> str:
    """List the kinds of findings, the worst first; notes only if there are no others."""
    worst = by_gravity(findings)
    serious = [each for each in worst if each.severity is not Severity.INFO] or worst
    return ", ".join(dict.fromkeys(each.kind for each in serious))


def exit_of(error: Exception) -> Exit:
    """Return the exit code for an error."""
    if isinstance(error, ContentRejected):
        return Exit.REFUSED
    if isinstance(error, Unreachable):
        return Exit.UNREACHABLE
    if isinstance(error, AuthenticationFailed | PermissionDenied):
        return Exit.AUTHENTICATION
    if isinstance(error, SettingsError):
        return Exit.USAGE
    return Exit.FAILED


def _words(error: Exception) -> tuple[str, str]:
    missing = missing_extra(error)
    if missing is not None:
        return missing.message, missing.hint
    if isinstance(error, AuthenticationFailed):  # the server's hint is for authors of requests
        return error.message, (
            "Give a key with PDFSLUICE_API_KEY or --api-key-file; an administrator makes one with"
            f" '{program()} keys add NAME'."
        )
    if isinstance(error, ClientError | PdfsluiceError):
        return error.message, error.hint
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror, ""
    if isinstance(error, OSError | SettingsError):
        return str(error), ""
    return (
        f"{type(error).__name__}: {error}",
        "This is a defect of pdfsluice; PDFSLUICE_TRACEBACK=1 shows where.",
    )


def _sentence(text: str) -> str:
    """Return a text as a sentence; a name or path at its start stays unchanged."""
    start = text[:1].upper() + text[1:] if _WORD.match(text) else text
    return start if start.endswith(_ENDS) else f"{start}."
