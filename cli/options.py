"""Options that several commands share, and what becomes of them."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from pdfsluice.client.client import Client
from pdfsluice.client.errors import AuthenticationFailed
from pdfsluice.client.retry import RetryPolicy
from pdfsluice.config import Size

KEY_VARIABLE = "PDFSLUICE_API_KEY"

Server = Annotated[
    str,
    typer.Option(
        "--server",
        "-s",
        envvar="PDFSLUICE_SERVER",
        help="Address of the server; HOST:PORT alone means http://HOST:PORT.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        envvar="PDFSLUICE_API_KEY_FILE",
        help="File that holds the API key; PDFSLUICE_API_KEY holds the key itself.",
    ),
]
Authority = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        envvar="PDFSLUICE_CA",
        metavar="FILE",
        help="Certificates (PEM) of a private authority that is trusted; SSL_CERT_FILE replaces"
        " those of the system.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, one object a line, for other programs.")
]
Patience = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for a server that is away or busy.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", envvar="PDFSLUICE_CONFIG", help="Settings file (TOML)."),
]


def size(text: str) -> int:
    """Read a number of bytes such as ``8MiB``; the parser of an option.

    Raises:
        typer.BadParameter: It is not one, or there are none.
    """
    try:
        value: Any = TypeAdapter(Size).validate_python(text)
    except ValidationError:
        raise typer.BadParameter(f"{text!r} is not a size such as 8MiB or 500kB") from None
    if value < 1:
        raise typer.BadParameter("it must be at least 1 byte")
    return int(value)


def connect(
    server: str, key_file: Path | None, ca: Path | None, *, patience: float | None = None
) -> Client:
    """Return a client for what the user gave.

    Args:
        server: Address of the server.
        key_file: File with the API key.
        ca: File with certificates of further authorities that are trusted.
        patience: Seconds that an upload waits for an absent server.

    Raises:
        typer.BadParameter: The address is not one.
        AuthenticationFailed: The file with the key cannot be read.
        ClientError: The certificates cannot be read, or the proxy cannot be used.
    """
    retry = None if patience is None else RetryPolicy(patience=patience)
    try:
        return Client(with_scheme(server), api_key=read_key(key_file), retry=retry, ca=ca)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from error


def with_scheme(server: str) -> str:
    """Return the address of a server, with ``http://`` before a bare ``HOST:PORT``."""
    bare = "://" not in server and (":" in server or "." in server or server == "localhost")
    return f"http://{server}" if bare else server


def read_key(key_file: Path | None) -> str | None:
    """Return the API key; never from an argument, which other users could read.

    Raises:
        AuthenticationFailed: The file cannot be read or is empty, or what is there is no key.
    """
    if key_file is None:
        key = os.environ.get(KEY_VARIABLE, "").strip()
        return _checked(key, KEY_VARIABLE) if key else None
    try:
        key = key_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise AuthenticationFailed(
            f"the API key in {key_file} cannot be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise AuthenticationFailed(f"{key_file} holds no API key, but bytes") from error
    if not key:
        raise AuthenticationFailed(f"the API key file {key_file} is empty")
    return _checked(key, str(key_file))


def _checked(key: str, origin: str) -> str:
    """Return a key that is valid in a header (RFC 6750, 2.1), or refuse it."""
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise AuthenticationFailed(
            f"what is in {origin} is not an API key: a key is one line of letters, digits and"
            " signs, without a space"
        )
    return key
