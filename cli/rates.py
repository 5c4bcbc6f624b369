"""`pdfsluice rates`: how fast uploads and downloads may be."""

from dataclasses import replace
from typing import Annotated

import typer
from rich.filesize import decimal

from pdfsluice.client.client import DEFAULT_SERVER
from pdfsluice.client.limits import Rates

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


def _rate(text: str) -> int:
    return 0 if text == "0" else size(text)


_Rate = Annotated[int | None, typer.Option(parser=_rate, metavar="SIZE")]


def rates(
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    session: _Rate = None,
    principal: _Rate = None,
    total: _Rate = None,
    download: _Rate = None,
    principal_download: _Rate = None,
    total_download: _Rate = None,
    as_json: Json = False,
) -> None:
    """Show or change how fast uploads and downloads may be; for administrators.

    A change counts immediately, until the server stops; 0 removes a limit.
    """
    limits = {
        "session": session,
        "principal": principal,
        "server": total,
        "download": download,
        "principal_download": principal_download,
        "server_download": total_download,
    }
    wanted = {name: value for name, value in limits.items() if value is not None}

    async def change() -> Rates:
        async with connect(server, key_file, ca) as client:
            before = await client.rates()
            return await client.set_rates(replace(before, **wanted)) if wanted else before

    result = run(change(), as_json=as_json)
    if as_json:
        print_json(result)
        return
    table = listing("", "Limit")
    for name, text in _TEXTS.items():
        value = getattr(result, name)
        table.add_row(text, f"{decimal(value)}/s" if value else "none")
    print_table(table)
