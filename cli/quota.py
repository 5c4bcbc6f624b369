"""`pdfsluice quota`: what an account may use and what it uses."""

from dataclasses import fields, replace
from typing import Annotated, Any

import typer
from rich.filesize import decimal

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.limits import Account, QuotaLimits

from .console import listing, out, print_json, print_table
from .failures import run
from .options import (
    Authority,
    Json,
    KeyFile,
    Server,
    connect,
    size,
)

app = typer.Typer(invoke_without_command=True, help="Show and change quotas.")

_DEFAULT = -1
"""Stands for ``none``: the default limit, or no limit if there is none."""


_MAX_LIMIT = 10**15
"""The largest limit that the server accepts."""


def _size(text: str) -> int:
    return _DEFAULT if text == "none" else 0 if text == "0" else _checked(size(text))


def _number(text: str) -> int:
    if text != "none" and not (text.isascii() and text.isdecimal()):
        raise typer.BadParameter(f"{text!r} is neither a number nor 'none'")
    return _DEFAULT if text == "none" else _checked(int(text))


def _checked(limit: int) -> int:
    if limit > _MAX_LIMIT:
        raise typer.BadParameter(f"it must be at most {_MAX_LIMIT:,}; 'none' removes a limit")
    return limit


def _bytes(limited: str) -> Any:
    return typer.Option(parser=_size, metavar="SIZE|none", help=limited)


def _count(limited: str) -> Any:
    return typer.Option(parser=_number, metavar="NUMBER|none", help=limited)


_TEXTS = {
    "stored_bytes": "Documents and unfinished uploads, bytes",
    "reserved_bytes": "Unfinished uploads, bytes",
    "metadata_bytes": "Titles and metadata, bytes",
    "open_uploads": "Unfinished uploads",
    "documents": "Documents and unfinished uploads",
    "uploads_per_day": "Uploads today",
    "ocr_pages_per_day": "Pages read by OCR today",
    "connections": "Connections now",
}
_HEADINGS = {
    "stored_bytes": "Stored",
    "reserved_bytes": "Reserved",
    "metadata_bytes": "Metadata",
    "open_uploads": "Unfinished",
    "documents": "Documents",
    "uploads_per_day": "Today",
    "ocr_pages_per_day": "OCR today",
}


@app.callback()
def quota(
    context: typer.Context,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what your account may use and what it uses."""
    if context.invoked_subcommand is None:
        show_account("", server, key_file, ca, as_json=as_json)


@app.command(name="show")
def show_account(
    account: Annotated[
        str,
        typer.Argument(
            metavar="ACCOUNT", help="key:NAME or tenant:NAME, for administrators; yours if absent."
        ),
    ] = "",
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what an account may use and what it uses."""

    async def ask() -> Account:
        async with connect(server, key_file, ca) as client:
            return await client.quota(account)

    _show(run(ask(), as_json=as_json), as_json=as_json)


@app.command(name="list")
def list_accounts(
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """List all accounts that are used or have limits; for administrators."""

    async def accounts() -> tuple[Account, ...]:
        async with connect(server, key_file, ca) as client:
            return await client.quotas()

    entries = run(accounts(), as_json=as_json)
    if as_json:
        for account in entries:
            print_json(account)
        return
    table = listing("Account", *_HEADINGS.values())
    for account in entries:
        table.add_row(account.account, *(_usage(account, name) for name in _HEADINGS))
    print_table(table)


@app.command(name="set")
def set_limits(
    account: Annotated[
        str,
        typer.Argument(
            metavar="ACCOUNT", help="key:NAME, tenant:NAME, or '*' for the default limits."
        ),
    ],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    stored_bytes: Annotated[
        int | None, _bytes("Bytes of documents, and of unfinished uploads at full size.")
    ] = None,
    reserved_bytes: Annotated[
        int | None, _bytes("Bytes of unfinished uploads at full size.")
    ] = None,
    metadata_bytes: Annotated[int | None, _bytes("Bytes of titles and metadata.")] = None,
    open_uploads: Annotated[int | None, _count("Unfinished uploads.")] = None,
    documents: Annotated[int | None, _count("Documents and unfinished uploads.")] = None,
    uploads_per_day: Annotated[int | None, _count("Uploads since midnight (UTC).")] = None,
    ocr_pages_per_day: Annotated[
        int | None, _count("Pages that OCR reads since midnight (UTC).")
    ] = None,
    connections: Annotated[int | None, _count("Requests and WebSockets at the same time.")] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove the limits that are not given.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Change limits of an account, from its next upload on; for administrators.

    Limits that are not given stay as they are; none removes one.
    """
    limits = {
        "stored_bytes": stored_bytes,
        "reserved_bytes": reserved_bytes,
        "metadata_bytes": metadata_bytes,
        "open_uploads": open_uploads,
        "documents": documents,
        "uploads_per_day": uploads_per_day,
        "ocr_pages_per_day": ocr_pages_per_day,
        "connections": connections,
    }
    wanted = {
        name: None if value == _DEFAULT else value
        for name, value in limits.items()
        if value is not None
    }
    if not wanted and not clear:
        raise typer.BadParameter("give a limit, or --clear", param_hint="'--stored-bytes'")

    async def change(client: Client) -> Account:
        async with client:
            before = QuotaLimits() if clear else (await client.quota(account)).own_limits
            return await client.set_quota(account, replace(before, **wanted))

    _show(run(change(connect(server, key_file, ca)), as_json=as_json), as_json=as_json)


def _show(account: Account, *, as_json: bool) -> None:
    if as_json:
        print_json(account)
        return
    out.print(f"Account {account.account}", markup=False)
    table = listing("", "Used", "Limit")
    for field in fields(QuotaLimits):
        limit = getattr(account.limits, field.name)
        limit_text = "none" if limit is None else _amount(field.name, limit)
        table.add_row(_TEXTS[field.name], _usage(account, field.name), limit_text)
    print_table(table)


def _usage(account: Account, limit: str) -> str:
    return _amount(limit, account.used.counted(limit))


def _amount(limit: str, value: int) -> str:
    return decimal(value) if limit.endswith("_bytes") else f"{value:,}"
