"""The three formats of results: for people, for programs, for code hosts."""

import sys
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import quote

import orjson
from rich.console import Console
from rich.markup import escape

from pdfsluice.core import Decision, Explanation, Finding, Severity, Unscanned, legible
from pdfsluice.core.scanning.inspection import Inspection

VERDICTS = {
    Decision.NOTE: "accept",
    Decision.FLAG: "flag",
    Decision.QUARANTINE: "quarantine",
    Decision.REJECT: "reject",
}


class Output(Protocol):
    """A writer of results as they come."""

    def add(self, result: Inspection) -> None:
        """Write, or keep, the result of one file."""
        ...

    def close(self) -> None:
        """Write what is still to be written."""
        ...


class JsonLines:
    """One JSON object a line, one line a file."""

    def add(self, result: Inspection) -> None:
        """Write one line immediately, so that a reader of the pipe sees it."""
        sys.stdout.buffer.write(orjson.dumps(_as_json(result)) + b"\n")
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Nothing is left."""


def _as_json(result: Inspection) -> dict[str, Any]:
    return {
        "file": shown(result.path),
        "bytes": result.size,
        "ms": round(result.seconds * 1000, 3),
        "verdict": None if result.decision is None else VERDICTS[result.decision],
        "findings": [_finding(finding) for finding in result.findings],
        "unscanned": [_unscanned(item) for item in result.unscanned],
        "error": result.error or None,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "stage": finding.stage,
        "offset": finding.offset,
        "object": finding.object,
        "trigger": finding.trigger,
        "hidden": finding.hidden,
        "revision": finding.revision,
        "message": finding.message,
        "excerpt": finding.excerpt,
    }


def _unscanned(item: Unscanned) -> dict[str, Any]:
    return {
        "stage": item.stage,
        "reason": item.reason,
        "message": item.message,
        "offset": item.offset,
        "object": item.object,
    }


class Text:
    """Output for people: findings, advice, and a summary at the end."""

    _STYLES: ClassVar[Mapping[str, str]] = {
        "accept": "green",
        "flag": "yellow",
        "quarantine": "red",
        "reject": "bold red",
        "error": "magenta",
    }
    _SEVERITIES: ClassVar[Mapping[Severity, str]] = {
        Severity.INFO: "dim",
        Severity.LOW: "",
        Severity.MEDIUM: "yellow",
        Severity.HIGH: "red",
        Severity.CRITICAL: "bold red",
    }

    def __init__(self, console: Console, explained: Collection[str] = ()) -> None:
        self._console = console
        self._explained = explained
        self._counts: dict[str, int] = {}

    def add(self, result: Inspection) -> None:
        """Print the result of one file."""
        verdict = "error" if result.decision is None else VERDICTS[result.decision]
        self._counts[verdict] = self._counts.get(verdict, 0) + 1
        style = self._STYLES[verdict]
        self._print(f"[{style}]{verdict:<10}[/] {escape(legible(str(result.path)))}")
        if result.error:
            self._print(f"    {escape(legible(result.error))}")
        for finding in result.findings:
            self._print_finding(finding)
        for item in result.unscanned:
            location = "" if item.object is None else f" (object {item.object})"
            self._print(f"    [magenta]unscanned[/]{location}: {escape(item.message)}")

    def close(self) -> None:
        """Print how many files there were of each verdict."""
        if sum(self._counts.values()) > 1:
            parts = (f"{count} {verdict}" for verdict, count in self._counts.items())
            self._print(", ".join(parts))

    def _print_finding(self, finding: Finding) -> None:
        style = self._SEVERITIES[finding.severity] or "default"
        marks = [
            "" if finding.offset is None else f"byte {finding.offset}",
            "" if finding.object is None else f"object {finding.object}",
            "hidden" if finding.hidden else "",
            "earlier revision" if finding.revision == "earlier" else "",
        ]
        location = ", ".join(filter(None, marks))
        where = f" [dim]({location})[/]" if location else ""
        self._print(f"    [{style}]{finding.kind}[/]{where}: {escape(finding.message)}")
        if finding.excerpt:
            self._print(f"        [dim]{escape(finding.excerpt)}[/]")
        if finding.advice and finding.kind not in self._explained:  # --explain knows the others
            self._print(f"        [italic]{escape(finding.advice)}[/]")

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, highlight=False)


class Sarif:
    """One SARIF 2.1.0 log for all files, written at the end."""

    _LEVELS: ClassVar[Mapping[Severity, str]] = {
        Severity.INFO: "note",
        Severity.LOW: "note",
        Severity.MEDIUM: "warning",
        Severity.HIGH: "error",
        Severity.CRITICAL: "error",
    }

    def __init__(self, explanations: Mapping[str, Explanation]) -> None:
        self._explanations = explanations
        self._results: list[dict[str, Any]] = []
        self._troubles: list[dict[str, Any]] = []
        self._kinds: dict[str, None] = {}

    def add(self, result: Inspection) -> None:
        """Keep the result of one file."""
        self._results.extend(self._result(result, finding) for finding in result.findings)
        self._troubles.extend(
            _notification(result.path, "warning", item.message) for item in result.unscanned
        )
        if result.error:
            self._troubles.append(_notification(result.path, "error", result.error))

    def close(self) -> None:
        """Write the log."""
        log = {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "pdfsluice",
                            "semanticVersion": version("pdfsluice"),
                            "rules": [
                                _rule(kind, self._explanations.get(kind)) for kind in self._kinds
                            ],
                        }
                    },
                    "invocations": [
                        {
                            "executionSuccessful": not any(
                                trouble["level"] == "error" for trouble in self._troubles
                            ),
                            "toolExecutionNotifications": self._troubles,
                        }
                    ],
                    "results": self._results,
                }
            ],
        }
        sys.stdout.buffer.write(orjson.dumps(log, option=orjson.OPT_INDENT_2) + b"\n")
        sys.stdout.buffer.flush()

    def _result(self, result: Inspection, finding: Finding) -> dict[str, Any]:
        self._kinds.setdefault(finding.kind)
        location: dict[str, Any] = {"artifactLocation": {"uri": _uri(result.path)}}
        if finding.offset is not None:
            location["region"] = {"byteOffset": finding.offset, "byteLength": 0}
        properties = _finding(finding)
        del properties["kind"], properties["message"], properties["offset"]
        return {
            "ruleId": finding.kind,
            "ruleIndex": list(self._kinds).index(finding.kind),
            "level": self._LEVELS[finding.severity],
            "message": {"text": finding.message},
            "locations": [{"physicalLocation": location}],
            "properties": properties,
        }


def _rule(kind: str, explanation: Explanation | None) -> dict[str, Any]:
    if explanation is None:
        return {"id": kind}
    return {
        "id": kind,
        "shortDescription": {"text": explanation.title},
        "fullDescription": {"text": explanation.meaning},
        "help": {"text": explanation.advice},
    }


def _notification(path: Path, level: str, text: str) -> dict[str, Any]:
    return {
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(path)}}}],
    }


def _uri(path: Path) -> str:
    return path.absolute().as_uri() if path.is_absolute() else quote(shown(path))


def shown(path: Path) -> str:
    """Return a path as text that can be written anywhere, whatever bytes it has."""
    return str(path).encode(errors="backslashreplace").decode()


OUTPUTS: dict[str, Callable[[Mapping[str, Explanation]], Output]] = {
    "text": lambda explanations: Text(Console(), explanations.keys()),
    "json": lambda _: JsonLines(),
    "sarif": Sarif,
}
