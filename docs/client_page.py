"""Writes the reference page of the Python client, from the code of the client."""

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from typing import get_args

import describe

from pdfsluice import client
from pdfsluice.client.client import Client
from pdfsluice.client.errors import ClientError

_HEAD = """\
# The Python client
{notice}
`pdfsluice.client` has the names on this page; all other modules of the package may change.
[Upload from Python](../how-to/upload-from-python.md) shows what to do with them. The client needs
Python 3.11 and aiohttp, and nothing of the server.
"""
_ERRORS = """\
## Errors

Every method of `Client` may raise these; all of them are a [`ClientError`](#clienterror). [Error
codes](errors.md) lists the codes of the server and those that the client adds.

| class | code | meaning |
|---|---|---|"""


def client_page(notice: str) -> str:
    """Return the page, in Markdown."""
    lines = [_HEAD.format(notice=notice), f"## `Client{describe.signature(Client)}`", ""]
    lines += [describe.prose(Client), *describe.methods(Client), ""]
    lines += [_ERRORS, *_error_rows(), "", "### `ClientError`", ""]
    lines += [
        describe.prose(ClientError, without="Attributes"),
        "",
        *describe.attributes(ClientError),
    ]
    lines += [*describe.methods(ClientError), "", "## What methods take and return"]
    for thing in _exported():
        if not issubclass(thing, Exception) and thing is not Client:
            lines += ["", *_section(thing)]
    for name in dir(client):
        if values := get_args(getattr(client, name)):
            listed = ", ".join(f"`{value!r}`" for value in values)
            lines += ["", f"### `{name}`", "", f"One of {listed}."]
    return "\n".join(lines).rstrip() + "\n"


def _exported() -> Iterator[type]:
    for name in dir(client):
        thing = getattr(client, name)
        if inspect.isclass(thing):
            yield thing


def _error_rows() -> Iterator[str]:
    for thing in _exported():
        if issubclass(thing, ClientError):
            meaning = describe.cell(describe.prose(thing).partition("\n\n")[0])
            yield f"| `{thing.__name__}` | `{thing.default_code}` | {meaning} |"


def _section(thing: type) -> Iterator[str]:
    yield from (f"### `{thing.__name__}`", "", describe.prose(thing, without="Attributes"))
    if issubclass(thing, Enum):
        yield from ("", *describe.members(thing))
    elif is_dataclass(thing):
        yield from ("", *describe.table(thing))
    yield from describe.methods(thing)
