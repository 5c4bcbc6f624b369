"""Registries of everything that is installed, without a server."""

from pathlib import Path
from typing import Any

from pdfsluice import config
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.runtime.registry import build_registry


def loaded_in(folder: Path, **settings: Any) -> tuple[config.Loaded, PluginManager]:
    """Load all plugins and the settings, with all data in a folder."""
    manager = PluginManager.load()
    sections = {spec.name: spec.model for _, spec in manager.options()}
    values = {"data_dir": folder, "index": "", "max_file_size": "20 GiB"}
    return config.load(sections=sections, command_line=values | settings), manager


def registry_in(folder: Path) -> Registry:
    """Return the parts of all plugins."""
    loaded, manager = loaded_in(folder)
    return build_registry(loaded, manager, EventHub())
