"""The completion stage, which passes files to a child with the compiled rules."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pdfsluice.core import (
    ChildAccess,
    ChildFailed,
    ChildPool,
    CompletionContext,
    Finding,
    FindingKind,
    Limits,
    PluginError,
    Severity,
    StageReport,
    Unscanned,
    path_to_text,
    printable,
)

from .options import YaraOptions

NAME = "yara"
MODULE = "pdfsluice.plugins.yara.worker"
_GRACE = 10.0
_CHECK_SECONDS = 120


class YaraStage:
    """A stage that scans whole files with rules of the operator's own."""

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
            access=ChildAccess(readable=(str(folder),)),
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
        """End the child processes."""
        await self._pool.close()


@asynccontextmanager
async def open_stage(options: YaraOptions, folder: Path) -> AsyncIterator[YaraStage]:
    """Compile the rules and open the stage.

    Raises:
        PluginError: A rule is wrong, or YARA-X is not installed.
    """
    await asyncio.to_thread(_check, folder)
    stage = YaraStage(options, folder)
    try:
        yield stage
    finally:
        await stage.close()


def _check(folder: Path) -> None:
    """Compile the rules once, in a process that takes the compiler's memory with it."""
    if find_spec("yara_x") is None:
        raise PluginError(
            "YARA rules are configured, and YARA-X is not installed",
            hint="Install it with: pip install 'pdfsluice[yara]'",
        )
    command = [sys.executable, "-P", "-m", MODULE, str(folder), "1", "--check"]
    outcome = subprocess.run(
        command, capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False
    )
    if outcome.returncode != 0:
        raise PluginError(
            f"the YARA rules are wrong: {outcome.stderr.strip()[-2000:]}",
            hint="Correct the rule, or move its file out of the folder.",
        )


def _finding(rule: Mapping[str, Any]) -> Finding:
    is_valid = rule["severity"] in set(Severity)
    about = printable(rule["description"], 300).rstrip(".")
    return Finding(
        kind=FindingKind.MALWARE,
        severity=Severity(rule["severity"]) if is_valid else Severity.HIGH,
        stage=NAME,
        message=f"The YARA rule {rule['name']} matches{': ' + about if about else ''}.",
        advice="Do not open the file before an operator has compared it with the rule.",
        offset=rule["offset"],
        excerpt=rule["name"],
        details={"namespace": rule["namespace"]},
    )


def _blind(reason: str, why: str) -> StageReport:
    message = f"The file was not scanned with the YARA rules: {why}."
    return StageReport(unscanned=(Unscanned(stage=NAME, reason=reason, message=message),))
