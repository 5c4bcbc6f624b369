"""Loads plugins and settings, each of which needs the other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pdfsluice.config import Loaded, load

from .manager import PluginManager


def load_all(
    *, file: Path | None = None, command_line: Mapping[str, Any] | None = None
) -> tuple[PluginManager, Loaded]:
    """Load plugins and settings.

    Plugins register sections of the settings, and the setting ``disable`` leaves plugins out.
    If it names any, plugins and settings are loaded again without them.

    Args:
        file: Settings file, see :func:`pdfsluice.config.load`.
        command_line: Settings given on the command line.

    Raises:
        PluginError: A plugin cannot be loaded.
        SettingsError: A setting is wrong.
    """
    manager, loaded = _load(frozenset(), file, command_line)
    if loaded.settings.disable:
        return _load(frozenset(loaded.settings.disable), file, command_line)
    return manager, loaded


def _load(
    disable: frozenset[str], file: Path | None, command_line: Mapping[str, Any] | None
) -> tuple[PluginManager, Loaded]:
    manager = PluginManager.load(disable=disable)
    sections = {spec.name: spec.model for _, spec in manager.options()}
    return manager, load(sections=sections, file=file, command_line=command_line)
