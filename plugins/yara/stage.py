"""The completion stage: shows whole files to a child that holds the compiled rules."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pdfsluice.core.findings import (
    Finding,
    FindingKind,
    Severity,
    StageReport,
    Unscanned,
)
from pdfsluice.core.plugins.ports.stages import CompletionContext
from pdfsluice.core.processes.child import ChildFailed, Limits, path_to_text
from pdfsluice.core.processes.pool import ChildPool
from pdfsluice.core.text import printable

from .options import YaraOptions

NAME = "yara"
MODULE = "pdfsluice.plugins.yara.worker"
_GRACE = 10.0


class YaraStage:
    """Scans whole files with rules of the operator's own."""

    def __init__(self, options: YaraOptions, folder: Path) -> None:
        self._max_file_size = int(options.max_file_size)
        self._pool = ChildPool(
            MODULE,
            Limits(
                address_space=options.memory + options.max_file_size,  # the file is mapped
                wall_seconds=options.wall_seconds + _GRACE,
                file_size=0,
                apart=True,
            ),
            arguments=(str(folder), str(options.wall_seconds)),
            size=options.workers,
            idle_seconds=options.idle_seconds,
        )

    async def inspect(self, context: CompletionContext) -> StageReport:
        """Return a finding for each rule that matches."""
        if context.path.stat().st_size > self._max_file_size:
            return _blind("limit", f"it is larger than {self._max_file_size} bytes")
        try:
            answer = await self._pool.ask({"path": path_to_text(context.path)})
        except ChildFailed as failure:
            return _blind("limit" if failure.over_limit else "crashed", failure.reason)
        if answer["timeout"]:
            return _blind("limit", "it took too long")
        return StageReport(findings=tuple(_finding(rule) for rule in answer["rules"]))

    async def close(self) -> None:
        """End the children."""
        await self._pool.close()


def _finding(rule: Mapping[str, Any]) -> Finding:
    known = rule["severity"] in set(Severity)
    about = printable(rule["description"], 300).rstrip(".")
    return Finding(
        kind=FindingKind.MALWARE,
        severity=Severity(rule["severity"]) if known else Severity.HIGH,
        stage=NAME,
        message=f"The YARA rule {rule['name']} matches{': ' + about if about else ''}.",
        advice="Do not open the file before somebody who knows the rule has looked at it.",
        offset=rule["offset"],
        excerpt=rule["name"],
        details={"namespace": rule["namespace"]},
    )


def _blind(reason: str, why: str) -> StageReport:
    message = f"The file was not scanned with the YARA rules: {why}."
    return StageReport(unscanned=(Unscanned(stage=NAME, reason=reason, message=message),))
