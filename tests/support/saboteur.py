"""A plugin whose stream stage obeys its files: find, raise, log, hang, leak, die."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pdfsluice.core.errors import Overloaded
from pdfsluice.core.models.findings import (
    Decision,
    Finding,
    Severity,
    StageReport,
)
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.children import ChildAccess
from pdfsluice.core.plugins.ports.context import OptionsSpec, PluginContext
from pdfsluice.core.plugins.ports.policy import PolicySpec
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStageSpec

logger = logging.getLogger("saboteur")

LEAK_BYTES = 400 * 1024 * 1024


class Options(BaseModel):
    """The folder in which it leaves its marks."""

    folder: Path = Path()


class Saboteur:
    """Obeys the words after ``@@`` that it meets."""

    def __init__(self, options: Options, context: StageContext) -> None:
        self._options = options
        self._began_at = context.offset
        self._seen = int(context.checkpoint or b"0")
        self._leak: list[bytes] = []

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        """Obey the word in a slice."""
        assert offset == self._seen
        self._seen += len(data)
        match = re.search(rb"@@([a-z-]+) ", data)
        word = match[1].decode() if match else ""
        self._end(word)
        self._grow(word)
        self._wait(word)
        self._fail(word)
        return self._find(word)

    def _end(self, word: str) -> None:
        if word == "heir":
            subprocess.Popen(["sleep", "30"])  # it holds our standard error
        once = word in {"die-once", "note-and-die-once"} and self._first_time()
        if word in {"die", "heir"} or once:
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "exit":
            sys.exit("as told")

    def _grow(self, word: str) -> None:
        if word == "leak-and-hang" or (word == "leak-once" and self._first_time()):
            self._leak.append(b"\1" * LEAK_BYTES)
        if word == "leak-twice-and-hang":
            self._leak.append(b"\1" * (LEAK_BYTES // 2))
            while not (self._options.folder / "again").exists():
                time.sleep(0.01)
            self._leak.append(b"\1" * (LEAK_BYTES // 2))

    def _wait(self, word: str) -> None:
        if word in {"hang", "leak-and-hang", "leak-twice-and-hang"}:
            self._first_time()
            time.sleep(3600)
        if word == "slow" and self._first_time():
            time.sleep(1)

    def _fail(self, word: str) -> None:
        if word == "raise":
            raise ValueError("as told")
        if word == "overload":
            raise Overloaded("too much for me", retry_after=7, hint="Wait.")

    def _find(self, word: str) -> Sequence[Finding]:
        if word == "log":
            logger.warning("seen %d bytes", self._seen)
        if word == "log-wrongly":
            logger.warning("%d", "no number")
        found = {
            "find": _finding("word"),
            "find-bytes": _finding("note", {"raw": b"no JSON"}),
            "note-and-die-once": _finding("note"),
        }
        return [found[word]] if word in found else ()

    def _first_time(self) -> bool:
        mark = self._options.folder / "mark"
        first = not mark.exists()
        mark.touch()
        return first

    def finish(self) -> StageReport:
        """Report how much was seen, from where, and by which process."""
        facts = {"seen": self._seen, "began_at": self._began_at, "pid": os.getpid()}
        return StageReport(facts=facts)

    def checkpoint(self) -> bytes:
        """Return how much was seen."""
        return str(self._seen).encode()

    def close(self) -> None:
        """Leave a mark."""
        (self._options.folder / f"closed-{self._seen}").touch()


def _finding(kind: str, details: dict[str, Any] | None = None) -> Finding:
    return Finding(
        kind=kind, severity=Severity.HIGH, stage="saboteur", message="!", details=details or {}
    )


class Strict:
    """Refuses what has a finding that is more than a note."""

    def decide(self, finding: Finding, session: Session) -> Decision:
        """Refuse, or not."""
        del session
        return Decision.NOTE if finding.kind == "note" else Decision.REJECT

    def keeps_rejected(self) -> bool:
        """Keep nothing."""
        return False


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``saboteur``."""
    return [OptionsSpec(name="saboteur", model=Options)]


@hookimpl
def pdfsluice_register_stream_stages(context: PluginContext) -> Sequence[StreamStageSpec]:
    """Register the stage."""
    options = context.options("saboteur", Options)
    if options.folder.name == "forbidden" and Path(sys.argv[0]).name == "worker_main.py":
        raise RuntimeError("not with this folder")

    def open_stage(context: StageContext) -> Saboteur:
        return Saboteur(options, context)

    access = ChildAccess(writable=(str(options.folder),), programs=True)
    return [StreamStageSpec(name="saboteur", open=open_stage, after=("digest",), access=access)]


@hookimpl
def pdfsluice_register_policies(context: PluginContext) -> Sequence[PolicySpec]:
    """Register the policy ``strict``."""
    del context
    return [PolicySpec(name="strict", policy=Strict())]
