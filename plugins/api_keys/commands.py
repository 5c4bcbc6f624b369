"""``pdfsluice keys``: add, list and revoke API keys on the server's machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from pdfsluice.config import load
from pdfsluice.core import Scope, StorageFailed
from pdfsluice.core.plugins.manager import PluginManager

from . import FILE
from .keys import KeyFile, new_key

_MAX_WIDTH = 10_000

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke API keys.")

DataDir = Annotated[
    Path | None,
    typer.Option(help="Directory of the server's data; the settings' by default."),
]
Config = Annotated[Path | None, typer.Option(help="TOML file with the server's settings.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="User of the key; keys of one name share uploads.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="A permission; may be given more than once.")
    ] = None,
    tenant: Annotated[
        str, typer.Option(help="Tenant whose quota the uploads of the key count for.")
    ] = "",
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make a key and print it, this once.

    Without --scope the key may read and upload.
    """
    scopes = scope or [Scope.READ, Scope.UPLOAD]
    try:
        stored, key = new_key(name, scopes, datetime.now(UTC), tenant=tenant)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from error
    with _changing():
        _file(data_dir, config).add(stored)
    typer.echo(
        f"Key {stored.id} for {name} ({', '.join(sorted(scopes))}). It is shown only now:", err=True
    )
    typer.echo(key)


@app.command(name="list")
def list_keys(data_dir: DataDir = None, config: Config = None) -> None:
    """List the keys: id, name, scopes, age and state."""
    keys = _file(_existing(data_dir), config).read()
    if not keys:
        typer.echo(
            "There is no key. Without one the server listens on this machine only.", err=True
        )
        return
    names = ("ID", "Name", "Tenant", "Scopes", "Created", "State")
    columns = (Column(name, overflow="fold") for name in names)
    table = Table(*columns, box=None, pad_edge=False)
    for key in keys:
        state = "valid" if key.revoked_at is None else f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"
        created = f"{key.created_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, key.name, key.tenant, ", ".join(sorted(key.scopes)), created, state)
    console = Console()
    if not console.is_terminal:
        console.width = _MAX_WIDTH
    console.print(table, crop=False)


@app.command()
def revoke(
    name_or_id: Annotated[str, typer.Argument(help="A key's id, or a name for all its keys.")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make keys void; a running server refuses them immediately."""
    with _changing():
        revoked = _file(_existing(data_dir), config).revoke(name_or_id, datetime.now(UTC))
    for key in revoked:
        typer.echo(f"Key {key.id} of {key.name} is revoked.")


def _existing(data_dir: Path | None) -> Path | None:
    """Return the folder; only adding a key may make a new one.

    Raises:
        typer.BadParameter: There is no such folder.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise typer.BadParameter(f"there is no folder {data_dir}", param_hint="'--data-dir'")
    return data_dir


@contextmanager
def _changing() -> Iterator[None]:
    """Report in a sentence that the file of keys cannot be written."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"The file of API keys cannot be changed: {error.filename}: {error.strerror}.",
            hint="Run this as the user of the server, which owns its data directory.",
        ) from error


def _file(data_dir: Path | None, config: Path | None) -> KeyFile:
    if data_dir is not None:  # a key can be revoked even if settings or plugins are broken
        return KeyFile(data_dir / FILE)
    sections = {spec.name: spec.model for _, spec in PluginManager.load().options()}
    loaded = load(sections=sections, file=config)
    return KeyFile(loaded.settings.data_dir / FILE)
