"""`pdfsluice plugins` and `pdfsluice settings`: what this installation is, without a server."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from pdfsluice.config import Loaded, load
from pdfsluice.core.manager import PluginManager
from pdfsluice.core.ports import PluginContext
from pdfsluice.core.registry import Registry
from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table

from .console import out, print_json
from .options import Config, Json

_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")


def plugins(config: Config = None, *, as_json: Json = False) -> None:
    """Show which plugins are loaded, from which distribution, and their parts in order."""
    manager, loaded = _loaded(config)
    registry = Registry.build(manager, _context(loaded), disable=loaded.settings.disable)
    by_kind = {
        kind: list(parts) for kind, parts in groupby(registry.parts, key=lambda part: part.kind)
    }
    if as_json:
        print_json(
            {
                "plugins": manager.plugins,
                "parts": {
                    kind: [{"name": part.name, "plugin": part.plugin.name} for part in parts]
                    for kind, parts in by_kind.items()
                },
            }
        )
        return
    table = Table("Plugin", "Distribution", "Version", "Module", box=None, pad_edge=False)
    for plugin in manager.plugins:
        table.add_row(
            *map(escape, (plugin.name, plugin.distribution, plugin.version)), plugin.module
        )
    out.print(table)
    for kind, parts in by_kind.items():
        out.print(f"\n[bold]{kind.replace('_', ' ').capitalize()}[/], in this order:")
        for part in parts:
            origin = "" if part.plugin.built_in else f" of {part.plugin.distribution}"
            instead = f", instead of that of {part.replaces.name}" if part.replaces else ""
            out.print(f"  {escape(part.name)}[dim]{escape(origin + instead)}[/]")


def settings(config: Config = None, *, as_json: Json = False) -> None:
    """Show each setting, its value and where it comes from."""
    _, loaded = _loaded(config)
    rows = list(_rows(loaded))
    if as_json:
        for name, value, origin in rows:
            print_json({"name": name, "value": value, "origin": origin})
        return
    table = Table("Setting", "Value", "From", box=None, pad_edge=False)
    for name, value, origin in rows:
        style = "dim" if origin == "default" else ""
        table.add_row(name, escape(_shown(value)), escape(origin), style=style)
    out.print(table)


def _loaded(config: Path | None) -> tuple[PluginManager, Loaded]:
    """Read the settings twice: which plugins there are depends on one of them."""
    manager = PluginManager.load()
    loaded = load(sections=_sections(manager), file=config)
    if not loaded.settings.disable:
        return manager, loaded
    manager = PluginManager.load(disable=loaded.settings.disable)
    return manager, load(sections=_sections(manager), file=config)


def _sections(manager: PluginManager) -> dict[str, type[BaseModel]]:
    return {spec.name: spec.model for _, spec in manager.options()}


def _context(loaded: Loaded) -> PluginContext:
    """Return what plugins need to register their parts; nobody hears what they publish."""
    settings = loaded.settings
    return PluginContext(
        data_dir=settings.data_dir,
        upload_dir=settings.upload_dir,
        state_dir=settings.state_dir,
        settings=settings,
        section=loaded.section,
        publish=lambda _event: None,
    )


def _rows(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    for name, value in loaded.settings.model_dump(mode="json", exclude={"plugins"}).items():
        yield name, _without_password(value), loaded.origin((name,))
    for section, options in sorted(loaded.sections.items()):
        for name, value in options.model_dump(mode="json").items():
            key = ("plugins", section, name)
            yield ".".join(key), _without_password(value), loaded.origin(key)


def _without_password(value: Any) -> Any:
    return _PASSWORD.sub(r"\1***@", value) if isinstance(value, str) else value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
