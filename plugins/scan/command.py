"""``pdfsluice scan``."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape

from pdfsluice.config import SettingsError, Size
from pdfsluice.core import Decision, Explanation, PluginError, Policy, legible
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.registry import Registry, choose
from pdfsluice.core.runtime.registry import build_registry
from pdfsluice.core.scanning.inspection import INSPECTING_KINDS, Inspection, Inspector

from .files import files_of
from .output import OUTPUTS, VERDICTS, Output
from .progress import Progress

PRESETS = frozenset({"permissive", "standard", "strict"})


class Exit(IntEnum):
    """How a scan ends."""

    OK = 0
    """No file is refused."""
    FAILED = 1
    """No file is refused, but some could not be read, or a folder has none."""
    USAGE = 2
    """The command line or a setting is wrong; nothing was scanned."""
    REFUSED = 3
    """At least one file is as bad as ``--fail-on`` names."""


class Format(StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class FailOn(StrEnum):
    """The mildest verdict that makes the exit code 3."""

    FLAG = "flag"
    QUARANTINE = "quarantine"
    REJECT = "reject"
    NEVER = "never"


def _size(text: str) -> int:
    try:
        size = int(TypeAdapter(Size).validate_python(text))
    except ValidationError as error:
        raise typer.BadParameter("a size is written as 65536 or as 8MiB") from error
    if size < 1:
        raise typer.BadParameter("it must be at least 1 byte")
    return size


def scan(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files, and folders with files.", readable=False),
    ] = None,
    *,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="How results are written.")
    ] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    chunk_size: Annotated[
        int,
        typer.Option(
            "--chunk-size", parser=_size, metavar="SIZE", help="Bytes that are looked at at a time."
        ),
    ] = 1024 * 1024,
    deep: Annotated[
        bool, typer.Option("--deep/--no-deep", help="Whether whole files are inspected, too.")
    ] = True,
    policy: Annotated[
        str | None,
        typer.Option(help="permissive, standard or strict; or the name of a plugin's policy."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=64, help="Files scanned at the same time.")
    ] = min(4, os.cpu_count() or 1),
    fail_on: Annotated[
        FailOn, typer.Option(help="The mildest verdict that makes the exit code 3.")
    ] = FailOn.QUARANTINE,
    explain: Annotated[
        str | None, typer.Option(metavar="KIND", help="Explain a kind of finding, and exit.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(envvar="PDFSLUICE_CONFIG", help="Settings file (TOML).")
    ] = None,
) -> None:
    """Look into PDF files and report what is in them.

    Exit codes: 0 no file is refused; 1 some could not be read, or a folder has none; 2 the
    command line or a setting is wrong; 3 at least one file is refused (see --fail-on).
    """
    if not paths and explain is None:
        raise typer.BadParameter("name at least one file or folder")
    if Path("-") in (paths or []) and not Path("-").exists():
        raise typer.BadParameter(
            "standard input is not scanned, because a file is read twice; store it in a file first",
            param_hint="'-'",
        )
    try:
        registry, judge = _parts(config, policy)
    except (PluginError, SettingsError) as error:
        hint = f"\n  [dim]{escape(error.hint)}[/]" if isinstance(error, PluginError) else ""
        _say(f"[bold red]error:[/] {escape(str(error))}{hint}")
        raise typer.Exit(Exit.USAGE) from error
    if explain is not None:
        raise typer.Exit(_explain(explain, registry.explanations))
    inspector = Inspector(registry, judge, chunk_size=chunk_size, whole_files=deep)
    output = Format.JSON if as_json else form
    raise typer.Exit(
        asyncio.run(
            _scan(inspector, paths or [], OUTPUTS[output](registry.explanations), fail_on, jobs)
        )
    )


def _parts(config: Path | None, policy: str | None) -> tuple[Registry, Policy]:
    """Return the parts that scan, and the policy that judges.

    Raises:
        PluginError: A plugin cannot be loaded, or the settings name a policy that is not there.
        SettingsError: A setting is wrong.
        typer.BadParameter: There is no such policy.
    """
    manager, loaded = load_all(file=config)
    if policy in PRESETS and "policy" in loaded.sections:
        rules = loaded.sections["policy"].model_copy(update={"preset": policy})
        loaded = replace(loaded, sections={**loaded.sections, "policy": rules})
        policy = None
    registry = build_registry(loaded, manager, EventHub(), kinds=INSPECTING_KINDS)
    names = [spec.name for spec in registry.policies]
    if policy is not None and policy not in names:
        choices = ", ".join([*sorted(PRESETS), *names])
        raise typer.BadParameter(
            f"{policy!r} is none of these: {choices}.", param_hint="'--policy'"
        )
    spec = choose("policies", registry.policies, policy or loaded.settings.policy)
    return registry, spec.policy


def _say(text: str) -> None:
    Console(stderr=True).print(text, soft_wrap=True, highlight=False)


async def _scan(
    inspector: Inspector, paths: Sequence[Path], output: Output, fail_on: FailOn, jobs: int
) -> Exit:
    worst: Decision = Decision.NOTE
    failed = False
    empty: list[Path] = []
    with Progress() as progress:
        async with inspector:
            async for result in _results(inspector, files_of(paths, empty.append), jobs, progress):
                output.add(result)
                failed = failed or result.decision is None
                worst = max(worst, result.decision or Decision.NOTE)
    output.close()
    for folder in empty:
        _say(f"There is no PDF in {escape(legible(str(folder)))}.")
    threshold = next((d for d, name in VERDICTS.items() if name == fail_on), None)
    if threshold is not None and worst >= threshold:
        return Exit.REFUSED
    return Exit.FAILED if failed or empty else Exit.OK


async def _results(
    inspector: Inspector, files: Iterable[Path], jobs: int, progress: Progress
) -> AsyncIterator[Inspection]:
    """Scan some files at the same time; yield the results in the order of the files."""
    waiting: list[asyncio.Task[Inspection]] = []
    try:
        for path in files:
            if len(waiting) == jobs:
                yield await waiting.pop(0)
            waiting.append(asyncio.create_task(progress.follow(inspector, path)))
        while waiting:
            yield await waiting.pop(0)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _explain(kind: str, explanations: Mapping[str, Explanation]) -> Exit:
    console = Console()
    name = kind.lower().replace("-", "_")
    explanation = explanations.get(name) or explanations.get(kind)
    if explanation is None:
        _say(
            f"No stage explains the kind {escape(repr(kind))}. A plugin may explain its kinds where"
            " it finds them: scan a file to see.\n"
            f"Explained are: {', '.join(sorted(explanations))}"
        )
        return Exit.USAGE
    console.print(f"[bold]{explanation.title}[/] ({name}), usually {explanation.severity}")
    console.print(explanation.meaning)
    console.print(f"[italic]{explanation.advice}[/]")
    return Exit.OK
