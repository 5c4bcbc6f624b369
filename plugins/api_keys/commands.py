"""``pdfsluice keys``: add, list and revoke API keys, on the machine that has the data."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pdfsluice.config import load
from pdfsluice.core.manager import PluginManager
from pdfsluice.core.models import Scope

from . import FILE
from .keys import KeyFile, new_key

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke API keys.")

DataDir = Annotated[
    Path | None,
    typer.Option(help="Directory of the server's data; the settings' by default."),
]
Config = Annotated[Path | None, typer.Option(help="TOML file with the server's settings.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Who will use it; keys of one name share uploads.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do; may be given more than once.")
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make a key and show it, this once.

    Without --scope it may read and upload.
    """
    scopes = scope or [Scope.READ, Scope.UPLOAD]
    try:
        stored, key = new_key(name, scopes, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from error
    _file(data_dir, config).add(stored)
    typer.echo(
        f"Key {stored.id} for {name} ({', '.join(sorted(scopes))}). It is shown only now:", err=True
    )
    typer.echo(key)


@app.command(name="list")
def list_keys(data_dir: DataDir = None, config: Config = None) -> None:
    """List the keys: id, name, scopes, age and state."""
    keys = _file(data_dir, config).read()
    if not keys:
        typer.echo(
            "There is no key. Without one the server listens on this machine only.", err=True
        )
        return
    table = Table("ID", "Name", "Scopes", "Created", "State", box=None, pad_edge=False)
    for key in keys:
        state = "valid" if key.revoked_at is None else f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"
        created = f"{key.created_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, key.name, ", ".join(sorted(key.scopes)), created, state)
    Console().print(table)


@app.command()
def revoke(
    name_or_id: Annotated[str, typer.Argument(help="A key's id, or a name for all its keys.")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make keys void; a running server refuses them at once."""
    for key in _file(data_dir, config).revoke(name_or_id, datetime.now(UTC)):
        typer.echo(f"Key {key.id} of {key.name} is revoked.")


def _file(data_dir: Path | None, config: Path | None) -> KeyFile:
    if data_dir is not None:  # a key can be revoked whatever is wrong with settings and plugins
        return KeyFile(data_dir / FILE)
    sections = {spec.name: spec.model for _, spec in PluginManager.load().options()}
    loaded = load(sections=sections, file=config)
    return KeyFile(loaded.settings.data_dir / FILE)
