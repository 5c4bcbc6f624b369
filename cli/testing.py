"""What every command of a plugin must do, as a pytest class to derive from.

The suites of all other parts are in :mod:`pdfsluice.core.testing.contracts`.
"""

import inspect
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
import typer

from pdfsluice.config import Settings
from pdfsluice.core import CommandSpec, Need, Opened
from pdfsluice.core.testing import MemoryCatalogue, MemoryIndex, MemorySessionStore

from .program import load_command

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_HELP = 80


class CommandContract:
    """The tests of a command.

    Override ``spec`` and ``calls``, and ``opened`` if the doubles are not enough.
    """

    @pytest.fixture
    def spec(self) -> CommandSpec:
        raise NotImplementedError("override the fixture 'spec'")

    @pytest.fixture
    def calls(self) -> Sequence[Sequence[str]]:
        """Command lines that succeed, each without the name of the command."""
        raise NotImplementedError("override the fixture 'calls'")

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        """Everything that a command can need; it is given what it names."""
        return Opened(
            settings=Settings.model_validate({"data_dir": tmp_path}),
            catalogue=MemoryCatalogue(),
            sessions=MemorySessionStore(),
            index=MemoryIndex(),
        )

    def test_its_name_can_be_typed(self, spec: CommandSpec) -> None:
        assert _NAME.fullmatch(spec.name)

    def test_its_help_fits_the_list_of_commands(self, spec: CommandSpec) -> None:
        assert spec.help.strip()
        assert "\n" not in spec.help
        assert len(spec.help) <= _MAX_HELP

    def test_its_target_fits_its_needs(self, spec: CommandSpec) -> None:
        """With needs it is an ``async def`` with a parameter, else a plain function."""
        module, _, attribute = spec.target.partition(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            assert not spec.needs, "only a function can have needs"
            return
        assert callable(target)
        assert inspect.iscoroutinefunction(target) is bool(spec.needs)
        assert len(inspect.signature(target).parameters) >= bool(spec.needs)

    def test_its_options_are_described(self, spec: CommandSpec, opened: Opened) -> None:
        command = _command(spec, opened)
        assert _run(command, ["--help"])[0] == 0
        for each in _leaves(command):
            assert each.help, f"{each.name} has no docstring"
            for parameter in each.params:
                assert getattr(parameter, "help", "none"), f"{parameter.name} has no help"

    def test_it_runs(
        self, spec: CommandSpec, opened: Opened, calls: Sequence[Sequence[str]]
    ) -> None:
        assert calls
        for arguments in calls:
            code, output = _run(_command(spec, opened), arguments)
            assert code == 0, output


def _command(spec: CommandSpec, opened: Opened) -> Any:
    """Return the command as the program makes it, but with other stores."""

    @asynccontextmanager
    async def opening(needs: frozenset[Need], _config: Path | None) -> AsyncIterator[Opened]:
        yield Opened(**{need: getattr(opened, need) for need in needs})

    return load_command(spec, opening=opening)


def _run(command: Any, arguments: Sequence[str]) -> tuple[int, str]:
    """Return the exit code of a command line and what it printed."""
    output = TextIOWrapper(BytesIO(), "utf-8", write_through=True)
    code: object = 0
    with redirect_stdout(output), redirect_stderr(output):
        try:
            command.main(args=list(arguments), prog_name=command.name)
        except SystemExit as end:
            code = end.code or 0
    output.seek(0)
    return code if isinstance(code, int) else 1, output.read()


def _leaves(command: Any) -> Sequence[Any]:
    inner = getattr(command, "commands", {})
    return [leaf for each in inner.values() for leaf in _leaves(each)] or [command]
