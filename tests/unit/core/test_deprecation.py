"""Deprecated parts of the plugin interface warn, and name their user."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pdfsluice.core import CommandSpec, Need, hookimpl
from pdfsluice.core.plugins.deprecation import Deprecation, Deprecations
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import PluginInfo

FIELD = Deprecation(since=(1, 4), removed_in=(2, 0), replacement="CommandSpec.opens")
NEEDS = frozenset({Need.SETTINGS})
HOOK = Deprecation(since=(1, 4), removed_in=(2, 0), replacement="pdfsluice_register_gates")


class Acme:
    """A plugin that uses what is deprecated."""

    @hookimpl
    def pdfsluice_register_commands(self) -> Sequence[CommandSpec]:
        return [
            CommandSpec(name="plain", help="", target="acme:plain"),
            CommandSpec(name="count", help="", target="acme:count", needs=NEEDS),
            CommandSpec(name="list", help="", target="acme:list", needs=NEEDS),
        ]


def manager_of(things: dict[str, Deprecation], lines: list[str]) -> PluginManager:
    manager = PluginManager(Deprecations(things, lines.append))
    manager.register(Acme(), PluginInfo("acme", "acme", "pdfsluice-acme", "2.0"))
    return manager


def test_a_field_warns_once_and_works_as_before() -> None:
    lines: list[str] = []
    manager = manager_of({"CommandSpec.needs": FIELD}, lines)
    with pytest.warns(DeprecationWarning, match="CommandSpec") as warned:
        specs = manager.commands()
    assert [spec.needs for _, spec in specs] == [frozenset(), NEEDS, NEEDS]
    (line,) = lines
    assert line == (
        "pdfsluice-acme uses CommandSpec.needs, which version 2.0 of the plugin"
        " interface removes. Use CommandSpec.opens instead."
    )
    assert [str(each.message) for each in warned] == lines


def test_a_hook_warns() -> None:
    lines: list[str] = []
    with pytest.warns(DeprecationWarning, match="pdfsluice-acme uses pdfsluice_register_comm"):
        manager_of({"pdfsluice_register_commands": HOOK}, lines)
    assert "Use pdfsluice_register_gates" in lines[0]


@pytest.mark.filterwarnings("error::DeprecationWarning")
def test_what_is_not_used_does_not_warn() -> None:
    lines: list[str] = []
    things = {"CommandSpec.opens": FIELD, "pdfsluice_register_gates": HOOK}
    manager_of(things, lines).commands()
    assert lines == []


@pytest.mark.parametrize("removed_in", [(1, 4), (1, 3), (0, 9)])
def test_nothing_is_removed_without_a_version_that_warns(removed_in: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="deprecated in"):
        Deprecation(since=(1, 4), removed_in=removed_in, replacement="x")


NAME = """
from pdfsluice import core
from pdfsluice.core.plugins import deprecation
old = deprecation.Deprecation(since=(1, 4), removed_in=(2, 0), replacement="Conflict")
deprecation.INTERFACE = deprecation.Deprecations({"OffsetConflict": old}, print)
core._DEPRECATED = frozenset({"OffsetConflict"})
import acme_plugin
"""


def test_a_name_names_the_distribution_that_imports_it(tmp_path: Path) -> None:
    (tmp_path / "acme_plugin.py").write_text("from pdfsluice.core import OffsetConflict\n")
    about = tmp_path / "pdfsluice_acme-2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pdfsluice-acme\nVersion: 2.0\n")
    (about / "top_level.txt").write_text("acme_plugin\n")
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", NAME],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("pdfsluice-acme uses OffsetConflict, which version 2.0")
    assert "acme_plugin.py:1: DeprecationWarning" in done.stderr
