"""`pdfsluice plugins` and `pdfsluice settings`: this installation."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.markup import escape
from rich.table import Column

from pdfsluice.config import Loaded
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.parts import Part
from pdfsluice.core.runtime.registry import build_registry

from .console import (
    err,
    listing,
    out,
    print_json,
    print_table,
)
from .options import Config, Json

_CHOOSERS = {
    "upload_stores": "upload_store",
    "session_stores": "session_store",
    "catalogues": "catalogue",
    "policies": "policy",
    "indexes": "index",
    "rerankers": "reranker",
    "link_signers": "link_signer",
}
_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")


def plugins(config: Config = None, *, as_json: Json = False) -> None:
    """Show the loaded plugins, their distributions and their parts in order."""
    manager, loaded = load_all(file=config)
    registry = build_registry(loaded, manager, EventHub())
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
    table = listing("Plugin", "Distribution", "Version", "Module")
    for plugin in manager.plugins:
        table.add_row(
            *map(escape, (plugin.name, plugin.distribution, plugin.version)), plugin.module
        )
    print_table(table)
    for name, missing in manager.missing.items():
        out.print(f"{escape(name)} registers nothing: {escape(missing.message)}.", soft_wrap=True)
        out.print(f"  [dim]{escape(missing.hint)}[/]", soft_wrap=True)
    for kind, parts in by_kind.items():
        setting = _CHOOSERS.get(kind)
        choice = getattr(loaded.settings, setting) if setting else None
        how = f"of which '{setting}' chooses one" if setting else "in this order"
        out.print(f"\n[bold]{kind.replace('_', ' ').capitalize()}[/], {how}:")
        for part in parts:
            out.print(f"  {escape(part.name)}[dim]{escape(_remark(part, choice))}[/]")


def _remark(part: Part, choice: str | None) -> str:
    origin = "" if part.plugin.built_in else f" of {part.plugin.distribution}"
    instead = f", instead of that of {part.replaces.name}" if part.replaces else ""
    return origin + instead + (", in use" if part.name == choice else "")


def settings(config: Config = None, *, as_json: Json = False) -> None:
    """Show each setting, its value and where it comes from."""
    _, loaded = load_all(file=config)
    for warning in loaded.warnings:
        err.print(f"[yellow]warning:[/] {escape(warning)}.", soft_wrap=True)
    rows = list(_rows(loaded))
    if as_json:
        for name, value, origin in rows:
            print_json({"name": name, "value": value, "origin": origin})
        return
    table = listing(Column("Setting", no_wrap=True), "Value", "From")
    for name, value, origin in rows:
        style = "dim" if origin == "default" else ""
        table.add_row(name, escape(_shown(value)), escape(origin), style=style)
    print_table(table)


def _rows(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    for name, value in loaded.settings.model_dump(mode="json").items():
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
