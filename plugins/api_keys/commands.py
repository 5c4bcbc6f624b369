"""``pdfsluice keys``: add, list and revoke API keys on the server's machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.filesize import decimal
from rich.table import Column, Table

from pdfsluice.config import Size, load
from pdfsluice.core import Scope, StorageFailed
from pdfsluice.core.plugins.manager import PluginManager

from . import FILE
from .keys import NO_RATES, KeyFile, KeyRates, new_key

_MAX_WIDTH = 10_000
_MAX_REQUESTS = 1_000_000
_DEFAULT = -1
"""Stands for the limit of the settings."""

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke API keys.")


def _bandwidth(text: str) -> int:
    if text in {"default", "0"}:
        return _DEFAULT if text == "default" else 0
    try:
        return int(TypeAdapter(Size).validate_python(text))
    except ValidationError:
        raise typer.BadParameter(f"{text!r} is not a size such as 5MiB or 500kB") from None


def _requests(text: str) -> float:
    try:
        value = _DEFAULT if text == "default" else float(text)
    except ValueError:
        value = float("nan")
    if value != _DEFAULT and not 0 <= value <= _MAX_REQUESTS:
        raise typer.BadParameter(f"{text!r} is not a number of requests such as 20 or 0.5")
    return value


def _rates(before: KeyRates, bandwidth: int | None, requests: float | None) -> KeyRates:
    if bandwidth is not None:
        before = replace(before, bandwidth=None if bandwidth == _DEFAULT else bandwidth)
    if requests is not None:
        before = replace(before, requests=None if requests == _DEFAULT else requests)
    return before


Bandwidth = Annotated[
    int | None,
    typer.Option(
        parser=_bandwidth,
        metavar="SIZE|default",
        help="Bytes per second of all its uploads, and of all its downloads; 0: no limit.",
    ),
]
Requests = Annotated[
    float | None,
    typer.Option(
        "--request-rate",
        parser=_requests,
        metavar="NUMBER|default",
        help="Requests per second; 0: no limit.",
    ),
]
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
    *,
    bandwidth: Bandwidth = None,
    request_rate: Requests = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make a key and print it, this once.

    Without --scope the key may read and upload.
    """
    scopes = scope or [Scope.READ, Scope.UPLOAD]
    try:
        rates = _rates(NO_RATES, bandwidth, request_rate)
        stored, key = new_key(name, scopes, datetime.now(UTC), tenant=tenant, rates=rates)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME or '--tenant'") from error
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
    names = ("ID", "Name", "Tenant", "Scopes", "Created", "State", "Limits")
    columns = (Column(name, overflow="fold") for name in names)
    table = Table(*columns, box=None, pad_edge=False)
    for key in keys:
        state = "valid" if key.revoked_at is None else f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"
        created = f"{key.created_at:%Y-%m-%d %H:%M}"
        scopes = ", ".join(sorted(key.scopes))
        table.add_row(key.id, key.name, key.tenant, scopes, created, state, _limits(key.rates))
    console = Console()
    if not console.is_terminal:
        console.width = _MAX_WIDTH
    console.print(table, crop=False)


def _limits(rates: KeyRates) -> str:
    texts = []
    if rates.bandwidth is not None:
        texts.append(f"{decimal(rates.bandwidth)}/s" if rates.bandwidth else "any bandwidth")
    if rates.requests is not None:
        texts.append(f"{rates.requests:g} requests/s" if rates.requests else "any requests")
    return ", ".join(texts)


@app.command()
def limit(
    name_or_id: Annotated[str, typer.Argument(help="A key's id, or a name for all its keys.")],
    bandwidth: Bandwidth = None,
    request_rate: Requests = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Change the limits of keys; they count from the next request on.

    A running server need not be restarted. ``default`` stands for the limit of the settings.
    """
    if bandwidth is None and request_rate is None:
        raise typer.BadParameter("give a limit", param_hint="'--bandwidth' or '--request-rate'")
    change = partial(_rates, bandwidth=bandwidth, requests=request_rate)
    with _changing():
        changed = _file(_existing(data_dir), config).change_rates(name_or_id, change)
    for key in changed:
        typer.echo(f"Key {key.id} of {key.name} has new limits.")


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
