"""`pdfsluice demo`: a server, the upload of a sample document, and a search."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pdfsluice.cli.bars import display
from pdfsluice.cli.console import counted, err, out
from pdfsluice.cli.failures import run
from pdfsluice.cli.invocation import command
from pdfsluice.cli.search import print_passages
from pdfsluice.cli.sending import settled
from pdfsluice.client.client import Client
from pdfsluice.client.errors import ClientError, Unreachable
from pdfsluice.client.models import Document
from pdfsluice.core.plugins.extras import first_missing

_HOST = "127.0.0.1"
_PORT = 8000
_QUESTION = "how much fresh water does a passage through the Panama Canal need"
_SECOND_QUESTION = "why does a gate need no bolt"
_RATE = 1_000_000.0
_CHUNK = 256 * 1024
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1
_LOG_LINES = 15
_LIBRARIES = ("llama_index", "numpy", "sqlalchemy", "structlog")


def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Stop the server and exit at the end.")
    ] = False,
    data_dir: Annotated[
        Path, typer.Option(help="Where the server of the demonstration keeps its data.")
    ] = Path("var/demo"),
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port; by default 8000, or a free one if that is taken."
        ),
    ] = None,
) -> None:
    """Start a server, upload a sample document, index it and search in it."""
    if (missing := first_missing(_LIBRARIES)) is not None:
        raise missing
    for ending in (signal.SIGTERM, signal.SIGHUP):  # the server must not outlive the command
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    data_dir.mkdir(parents=True, exist_ok=True)
    address = f"http://{_HOST}:{free_port(_HOST, port)}"
    with _server(address, data_dir) as process:
        run(_show(address, process, data_dir))
        if once:
            return
        again = command("search", "--server", address, *_SECOND_QUESTION.split())
        out.print(
            f"\nThe server is running at [bold]{address}[/]: open it in a browser, or run",
            soft_wrap=True,
        )
        out.print(f"  {escape(again)}", soft_wrap=True)
        out.print("in another terminal. Ctrl-C stops the server.")
        try:
            process.wait()
        except KeyboardInterrupt:
            out.print("\nStopped.")


async def _show(address: str, process: "subprocess.Popen[bytes]", data_dir: Path) -> None:
    from .sample import FILENAME, write_sample  # noqa: PLC0415 - of the extra 'index'

    sample = data_dir / FILENAME
    write_sample(sample)
    async with Client(address) as client:
        await _ready(client, process, data_dir)
        out.print(f"[bold]1.[/] A server runs at {address}; its data is in {data_dir}.")
        document = await _uploaded(client, sample)
        remark = " (it was there already: nothing was sent)" if document.duplicate else ""
        out.print(
            f"[bold]2.[/] {sample.name} is document {document.id}: {escape(document.title)},"
            f" {counted(document.page_count or 0, 'page')}, imported and indexed{remark}."
        )
        out.print(f"[bold]3.[/] A search for [italic]{_QUESTION}[/]:\n")
        passages = await client.search(_QUESTION, top_k=2)
    if not passages:
        raise ClientError("the search found nothing", hint=f"See {data_dir / 'server.log'}.")
    print_passages(passages, _QUESTION)


async def _uploaded(client: Client, sample: Path) -> Document:
    with display(sample.name, err, quiet=False) as bars:
        document = await client.upload(
            sample,
            title="Canals, Locks and Sluices",
            index=True,
            chunk_size=_CHUNK,
            rate=_RATE,  # a loopback would be too quick for the eye
            on_progress=bars.transfer,
        )
        return await settled(client, document, bars)


async def _ready(client: Client, process: "subprocess.Popen[bytes]", data_dir: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            await client.info()
        except Unreachable:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return
    log = (data_dir / "server.log").read_text(errors="replace").splitlines()
    raise ClientError(
        "the server did not start:\n" + "\n".join(log[-_LOG_LINES:]),
        hint=f"Its whole log is {data_dir / 'server.log'}.",
    )


@contextmanager
def _server(address: str, data_dir: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a server while the context is open, without settings of the environment."""
    own = ("STREAMING_", "PDFSLUICE_")
    with (data_dir / "server.log").open("wb") as log:
        process = subprocess.Popen(
            _serve_command(address, data_dir),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith(own)},
            start_new_session=True,  # Ctrl-C is for this program, which stops it in order
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _serve_command(address: str, data_dir: Path) -> list[str]:
    program = [sys.executable, "-m", "pdfsluice.cli", "serve"]
    port = address.rpartition(":")[2]
    return [*program, "--host", _HOST, "--port", port, "--data-dir", str(data_dir)]


def free_port(host: str, wanted: int | None) -> int:
    """Return a port that is free; the sample must not go to another server.

    Args:
        host: The address at which the port has to be free.
        wanted: The only port that will do; ``None`` for the usual one, or else any other.

    Raises:
        ClientError: There is none.
    """
    reason = ""
    for port in [wanted] if wanted else [_PORT, 0]:
        try:
            with socket.create_server((host, port)) as listener:
                free: int = listener.getsockname()[1]
                return free
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
    if wanted:
        raise ClientError(
            f"port {wanted} of {host} cannot be used: {reason}",
            hint="Leave --port out; a free one is chosen then.",
        )
    raise ClientError(
        f"no port of {host} can be used: {reason}",
        hint="The demonstration needs one: see that the address exists and has a free port.",
    )
