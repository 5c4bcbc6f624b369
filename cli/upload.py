"""`pdfsluice upload` and `pdfsluice resume`."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated

import typer

from pdfsluice.client.client import DEFAULT_SERVER, Client, Listener
from pdfsluice.client.models import Document

from .invocation import typed
from .options import (
    Authority,
    Json,
    KeyFile,
    Patience,
    Quiet,
    Server,
    size,
)
from .sending import Output, send_files

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, readable=True, help="PDF files to upload."
    ),
]
Parallel = Annotated[
    int, typer.Option("--parallel", "-p", min=1, max=64, help="Chunks in flight at a time.")
]
Rate = Annotated[
    int | None,
    typer.Option(
        "--limit-rate",
        parser=size,
        metavar="SIZE",
        help="Bytes per second to send at most, such as 2MiB.",
    ),
]
Compress = Annotated[
    bool,
    typer.Option("--compress/--no-compress", help="Compress chunks if that saves time."),
]
Direct = Annotated[
    bool,
    typer.Option(
        "--direct/--through-server",
        help="Send chunks to the object store of the server, if it allows that.",
    ),
]
EncryptTo = Annotated[
    list[str] | None,
    typer.Option(
        "--encrypt-to",
        metavar="RECIPIENT",
        help="Encrypt with age for this public key (age1...) before sending; may be repeated."
        " The server must accept files that it cannot scan.",
    ),
]
Replaces = Annotated[
    int | None,
    typer.Option(
        "--replaces",
        metavar="ID",
        min=1,
        help="Upload the file as a new version of this document; only what changed is sent.",
    ),
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait for the import and the index to end.")
]


def upload(
    files: Files,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    title: Annotated[
        str, typer.Option("--title", "-t", help="Title of the document; for one file only.")
    ] = "",
    index: Annotated[
        bool, typer.Option("--index", "-i", help="Make the documents searchable.")
    ] = False,
    chunk_size: Annotated[
        int | None,
        typer.Option(
            "--chunk-size",
            parser=size,
            metavar="SIZE",
            help="Size of chunks to ask for, such as 8MiB.",
        ),
    ] = None,
    parallel: Parallel = 4,
    limit_rate: Rate = None,
    compress: Compress = True,
    direct: Direct = False,
    check_first: Annotated[
        bool | None,
        typer.Option(
            "--check-first/--no-check-first",
            help="Hash each file before it is sent, so that a duplicate is not sent at all."
            " By default files of up to 256 MiB.",
        ),
    ] = None,
    encrypt_to: EncryptTo = None,
    replaces: Replaces = None,
    allow_duplicates: Annotated[
        bool,
        typer.Option("--allow-duplicates", help="Store files again that the server has already."),
    ] = False,
    patience: Patience = 300.0,
    wait: Wait = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Upload PDF files, and show the progress.

    An upload outlives a lost connection and a restart of the server. After Ctrl-C it can be
    resumed; the command that does so is printed.
    """
    if title and len(files) > 1:
        raise typer.BadParameter("a title is for one file", param_hint="--title")
    if replaces is not None and len(files) > 1:
        raise typer.BadParameter("one file replaces a document", param_hint="--replaces")
    title = typed(title)
    recipients = tuple(encrypt_to or ())
    if recipients and index:
        raise typer.BadParameter("the server cannot read it", param_hint="--encrypt-to and --index")
    output = Output(
        server=server,
        key_file=key_file,
        ca=ca,
        json=as_json,
        quiet=quiet,
        wait=wait,
        resumable=not recipients,
    )

    def send(client: Client, file: Path, listener: Listener) -> Awaitable[Document]:
        return client.upload(
            file,
            title=title,
            chunk_size=chunk_size,
            parallel=parallel,
            index=index,
            check_duplicates=not allow_duplicates,
            hash_first=check_first,
            rate=limit_rate,
            compress=compress,
            direct=direct,
            encrypt_to=recipients,
            replaces=replaces,
            on_progress=listener,
        )

    raise typer.Exit(send_files(files, send, output, patience=patience))


def resume(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="The upload; see `pdfsluice sessions`.")
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="The file with which the upload began.",
        ),
    ],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    parallel: Parallel = 4,
    limit_rate: Rate = None,
    compress: Compress = True,
    direct: Direct = False,
    patience: Patience = 300.0,
    wait: Wait = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Resume an interrupted upload: only what is missing is sent."""
    output = Output(server=server, key_file=key_file, ca=ca, json=as_json, quiet=quiet, wait=wait)

    def send(client: Client, path: Path, listener: Listener) -> Awaitable[Document]:
        return client.resume(
            session,
            path,
            parallel=parallel,
            rate=limit_rate,
            compress=compress,
            direct=direct,
            on_progress=listener,
        )

    raise typer.Exit(send_files([file], send, output, patience=patience))
