"""The command ``serve``: starts the server, and stops it without loss."""

import asyncio
import ipaddress
import logging
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

from pdfsluice.config import Loaded, Settings
from pdfsluice.core.models.events import ShuttingDown
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import DISTRIBUTION
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.runtime.runtime import Runtime

from . import logs
from .app import HEALTH, open_app
from .app_keys import RUNTIME
from .process import (
    CannotServe,
    ending_signals,
    exclusive,
    freeze_garbage,
    late_garbage,
    listening,
    prepare,
    report_confinement,
)
from .transport.connection import Runner
from .transport.event_loop import FairSite, FairSocketSite, new_event_loop
from .workers import Supervisor, Worker

logger = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = 5.0


@late_garbage()
def serve(  # noqa: PLR0917 - each is an option of the command, none has a position
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks one.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for documents, the index and keys.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(envvar="PDFSLUICE_CONFIG", help="Settings file (TOML).")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="Lowest level to log: debug, info, warning or error.")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="auto, console or json.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Server processes that share the port and the folders.")
    ] = None,
) -> None:
    """Run the server until SIGTERM, SIGHUP or Ctrl-C.

    When it stops, it accepts no new bytes, finishes running requests, notifies WebSockets, and
    exits within shutdown_grace. Unfinished uploads continue when it runs again.
    """
    manager, loaded = load_all(
        file=config,
        command_line={
            "host": host,
            "port": port,
            "data_dir": data_dir,
            "log_level": log_level,
            "log_format": log_format,
            "workers": workers,
        },
    )
    logs.configure(loaded.settings)
    for warning in loaded.warnings:
        logger.warning("%s", warning)
    prepare(loaded.settings)

    def work(worker: Worker | None) -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(run(loaded, manager, worker))

    settings = loaded.settings
    with ExitStack() as stack:
        for folder in dict.fromkeys((settings.data_dir, settings.upload_dir, settings.state_dir)):
            stack.enter_context(exclusive(folder))
        if settings.workers == 1:
            work(None)
            return
        listeners = [stack.enter_context(each) for each in _bound(settings)]
        freeze_garbage()
        code = Supervisor(settings.workers, listeners, work, ending_signals()).run()
    if code:
        raise typer.Exit(code)


async def run(loaded: Loaded, manager: PluginManager, worker: Worker | None = None) -> None:
    """Serve until a signal comes.

    Args:
        loaded: The settings.
        manager: The plugins.
        worker: What the supervisor of several processes gives each.

    Raises:
        CannotServe: The address is taken, does not exist, or is not to be used without keys.
        PluginError: A plugin is at fault.
    """
    settings = loaded.settings
    stop = asyncio.Event()
    for number in ending_signals():
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if worker is not None:
        asyncio.get_running_loop().add_reader(worker.supervisor, stop.set)
    async with AsyncExitStack() as stack:
        node = NodeIdentity() if worker is None else worker.node
        app = await stack.enter_async_context(open_app(loaded, manager, node))
        runtime = app[RUNTIME]
        check_exposure(settings, keys_required=runtime.authentication_required)
        runner = Runner(
            app,
            access_log=logs.AccessLogger,
            shutdown_timeout=1.0,
            root_path=settings.root_path,
        )
        await runner.setup()
        try:
            sites = await _listen(runner, settings, worker)
            freeze_garbage()
            if worker is None or worker.greets:
                _greet(runtime, runner)
            if worker is not None:
                worker.ready()
            reports = [app[HEALTH].report()] if worker is None or worker.greets else []
            if not settings.stage_processes:  # otherwise they report it themselves
                reports.append(report_confinement())
            for report in reports:
                stack.callback(asyncio.create_task(report).cancel)
            await stop.wait()
            await _stop(runtime, sites, worker)
        finally:
            await runner.cleanup()
    logger.info("stopped")


def check_exposure(settings: Settings, *, keys_required: bool) -> None:
    """Refuse to be reachable from other machines while no key is required.

    Raises:
        CannotServe: The address is not a loopback address, and there are no keys.
    """
    if keys_required or _is_loopback(settings.host):
        return
    raise CannotServe(
        f"without API keys the server listens on loopback only, not on {settings.host!r}",
        hint=f"Make a key first: pdfsluice keys add NAME --data-dir {settings.data_dir};"
        " or leave --host out and let a proxy on this machine authenticate callers.",
    )


async def _listen(
    runner: Runner, settings: Settings, worker: Worker | None
) -> Sequence[web.BaseSite]:
    if worker is not None:
        sites = [FairSocketSite(runner, listener) for listener in worker.listeners]
        for each in sites:
            await each.start()
        return sites
    site = FairSite(runner, settings.host, settings.port)
    with listening(settings.host, settings.port):
        await site.start()
    return [site]


def _bound(settings: Settings) -> Sequence[socket.socket]:
    """Return the sockets on which all workers listen."""
    with listening(settings.host, settings.port):
        entries = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return [
            socket.create_server(address[:2], family=family)
            for family, _, _, _, address in dict.fromkeys(entries)
        ]


async def _stop(runtime: Runtime, sites: Sequence[web.BaseSite], worker: Worker | None) -> None:
    """Accept no connections, notify watchers, and finish running requests."""
    logger.info("stopping")
    loop = asyncio.get_running_loop()
    if worker is None:  # a supervisor repeats to its workers what all processes have received
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)  # a second signal ends the process immediately
    for site in sites:
        await site.stop()
    runtime.events.publish(ShuttingDown(at=time.time(), retry_after=_RETRY_AFTER_SECONDS))
    await runtime.drain()


def _greet(runtime: Runtime, runner: Runner) -> None:
    """Print the address of the server, and whether keys are required."""
    keys_required = runtime.authentication_required
    host, port = runner.addresses[0][:2]
    literal = f"[{host}]" if ":" in host else host
    access = "API keys are required" if keys_required else "no key is needed on this machine"
    typer.echo(
        f"pdfsluice {version(DISTRIBUTION)} listens on http://{literal}:{port}"
        f" (policy: {runtime.policy.title}; {access})"
    )
    logger.info("listening", extra={"host": host, "port": port, "keys_required": keys_required})


def _is_loopback(host: str) -> bool:
    """Return whether all resolved addresses of a host lead to this machine only."""
    try:
        addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in addresses)
