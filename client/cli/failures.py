"""Errors as a person reads them: what happened, why, what next; and the exit code for each."""

import asyncio
from collections.abc import Coroutine, Iterable
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
from pdfsluice.config import SettingsError
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.findings import Finding

from .console import err
from .exits import Exit

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; end the command with a message where it fails.

    Raises:
        typer.Exit: It failed or was interrupted.
    """
    try:
        return asyncio.run(work)
    except ClientError as error:
        raise typer.Exit(report(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None


def report(error: Exception) -> Exit:
    """Print an error and return the exit code that belongs to it."""
    message, hint = _words(error)
    err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    if isinstance(error, ContentRejected):
        print_findings(error.findings)
    if hint:
        err.print(f"  [dim]{escape(hint)}[/]", soft_wrap=True)
    return exit_of(error)


def print_findings(findings: Iterable[Finding]) -> None:
    """List findings, the worst first, one a line, with what to do about them."""
    for finding in sorted(findings, key=lambda each: -each.severity.rank):
        place = "" if finding.offset is None else f" at byte {finding.offset:,}"
        err.print(
            f"  [yellow]{escape(finding.severity)}[/] {escape(finding.kind)}{place}:"
            f" {escape(finding.message)}",
            soft_wrap=True,
        )
        if finding.advice:
            err.print(f"    [dim]{escape(finding.advice)}[/]", soft_wrap=True)


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
    if isinstance(error, AuthenticationFailed) and not error.hint:
        return error.message, "Give a key with PDFSLUICE_API_KEY or --api-key-file."
    if isinstance(error, ClientError | PdfsluiceError):
        return error.message, error.hint
    if isinstance(error, OSError | SettingsError):
        return str(error), ""
    return (
        f"{type(error).__name__}: {error}",
        "This is a defect of pdfsluice; PDFSLUICE_TRACEBACK=1 shows where.",
    )
