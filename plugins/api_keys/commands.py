"""``pdfsluice keys``: add, list and revoke API keys, also while servers run."""

import asyncio
import json
from collections.abc import Mapping, Sequence
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

from pdfsluice.config import Size
from pdfsluice.core import ApiKey, KeyChange, KeyRates, Need, Scope
from pdfsluice.core.runtime.needs import opened_needs

from .keys import NO_RATES, adding, changing_rates, new_key, revoking
from .storing import stored_keys

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
    if text == "default":
        return _DEFAULT
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= _MAX_REQUESTS:
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
NameOrId = Annotated[
    str, typer.Argument(metavar="NAME|ID", help="A key's id, or a name for all its keys.")
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Data directory of the server; by default that of the settings."),
]
Config = Annotated[Path | None, typer.Option(help="TOML file with the server's settings.")]


@app.command()
def add(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Name of the user; keys of the same name own the same uploads."
        ),
    ],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What the key allows; may be repeated. Default: read and upload."),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Tenant to whose quota the uploads of the key count.")
    ] = None,
    *,
    bandwidth: Bandwidth = None,
    request_rate: Requests = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make a key and print it; it is shown only once.

    Without --scope the key may read and upload.
    """
    scopes = scope or [Scope.READ, Scope.UPLOAD]
    try:
        rates = _rates(NO_RATES, bandwidth, request_rate)
        stored, key = new_key(name, scopes, datetime.now(UTC), tenant=tenant, rates=rates)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME or '--tenant'") from error
    _change(adding(stored), data_dir, config)
    typer.echo(
        f"Key {stored.id} for {name} ({', '.join(sorted(scopes))}). It is shown only now:", err=True
    )
    typer.echo(key)


@app.command(name="list")
def list_keys(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one object a line, for other programs.")
    ] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """List the keys: id, name, scopes, age and state."""
    keys = _change(None, _existing(data_dir), config)
    if as_json:
        for key in keys:
            typer.echo(json.dumps(_as_object(key)))
        return
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


def _as_object(key: ApiKey) -> Mapping[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        "bandwidth": key.rates.bandwidth,
        "request_rate": key.rates.requests,
    }


def _limits(rates: KeyRates) -> str:
    texts = []
    if rates.bandwidth is not None:
        texts.append(f"{decimal(rates.bandwidth)}/s" if rates.bandwidth else "any bandwidth")
    if rates.requests is not None:
        texts.append(f"{rates.requests:g} requests/s" if rates.requests else "any requests")
    return ", ".join(texts)


@app.command()
def limit(
    name_or_id: NameOrId,
    bandwidth: Bandwidth = None,
    request_rate: Requests = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Change the limits of keys; running servers follow within a second.

    ``default`` stands for the limit of the settings.
    """
    if bandwidth is None and request_rate is None:
        raise typer.BadParameter("give a limit", param_hint="'--bandwidth' or '--request-rate'")
    change = partial(_rates, bandwidth=bandwidth, requests=request_rate)
    for key in _change(changing_rates(name_or_id, change), _existing(data_dir), config):
        typer.echo(f"Key {key.id} of {key.name} has new limits.")


@app.command()
def revoke(
    name_or_id: NameOrId,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Revoke keys; running servers refuse them within a second."""
    change = revoking(name_or_id, datetime.now(UTC))
    for key in _change(change, _existing(data_dir), config):
        typer.echo(f"Key {key.id} of {key.name} is revoked.")


def _existing(data_dir: Path | None) -> Path | None:
    """Return the folder; only adding a key may make a new one.

    Raises:
        typer.BadParameter: There is no such folder.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise typer.BadParameter(f"there is no folder {data_dir}", param_hint="'--data-dir'")
    return data_dir


def _change(
    change: KeyChange | None, data_dir: Path | None, config: Path | None
) -> Sequence[ApiKey]:
    """Change the keys of the settings' session store; return the changed ones.

    Without a change, all keys are returned.
    """

    async def run() -> Sequence[ApiKey]:
        needs = frozenset({Need.SETTINGS, Need.SESSIONS})
        async with opened_needs(needs, config, data_dir=data_dir) as opened:
            if opened.settings is None or opened.sessions is None:
                raise AssertionError("both were asked for")
            keys = await stored_keys(opened.sessions, opened.settings.data_dir)
            return await (keys.keys() if change is None else keys.change(change))

    return asyncio.run(run())
