"""`pdfsluice rates`: how fast uploads and downloads may be."""

from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.filesize import decimal

from pdfsluice.client.client import DEFAULT_SERVER
from pdfsluice.client.limits import RateLimits, Rates

from .console import listing, print_json, print_table
from .failures import run
from .options import (
    Authority,
    Json,
    KeyFile,
    Server,
    connect,
    size,
)

_TEXTS = {
    "session": "Each upload",
    "principal": "All uploads of a principal",
    "server": "All uploads",
    "download": "Each download",
    "principal_download": "All downloads of a principal",
    "server_download": "All downloads",
}
_DEFAULT = -1
"""Stands for ``default``: the limit of the settings."""

_MAX_RATE = 10**15
"""The highest rate that the server accepts."""


def _rate(text: str) -> int:
    if text in {"default", "0"}:
        return _DEFAULT if text == "default" else 0
    rate = size(text)
    if rate > _MAX_RATE:
        raise typer.BadParameter(f"it must be at most {_MAX_RATE:,} bytes; 0 means no limit")
    return rate


def _option(limited: str) -> Any:
    return typer.Option(parser=_rate, metavar="SIZE|default", help=limited)


def rates(
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    session: Annotated[int | None, _option("Each upload.")] = None,
    principal: Annotated[int | None, _option("All uploads of a principal.")] = None,
    total: Annotated[int | None, _option("All uploads.")] = None,
    download: Annotated[int | None, _option("Each download.")] = None,
    principal_download: Annotated[int | None, _option("All downloads of a principal.")] = None,
    total_download: Annotated[int | None, _option("All downloads.")] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Return to the settings for all that are not given.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show or change how fast uploads and downloads may be; for administrators.

    SIZE is bytes per second; 0 means no limit, and default returns to the setting. A change
    applies immediately, at all servers and after a restart. Limits that are not given stay.
    """
    limits = {
        "session": session,
        "principal": principal,
        "server": total,
        "download": download,
        "principal_download": principal_download,
        "server_download": total_download,
    }
    wanted = {
        name: None if value == _DEFAULT else value
        for name, value in limits.items()
        if value is not None
    }

    async def change() -> Rates:
        async with connect(server, key_file, ca) as client:
            if clear:
                return await client.set_rates(replace(RateLimits(), **wanted))
            before = await client.rates()
            return await client.set_rates(replace(before.limits, **wanted)) if wanted else before

    result = run(change(), as_json=as_json)
    if as_json:
        print_json(result)
        return
    table = listing("", "Limit", "Set by")
    for name, text in _TEXTS.items():
        value = getattr(result, name)
        origin = "command or page" if name in result.changed else "settings"
        table.add_row(text, f"{decimal(value)}/s" if value else "none", origin)
    print_table(table)
