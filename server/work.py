"""The command ``work``: a node that runs background jobs, and takes no requests."""

import asyncio
import logging
import signal
from collections.abc import Collection
from contextlib import AsyncExitStack, ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from pdfsluice.config import Loaded, Settings
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import DISTRIBUTION
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.runtime.runtime import open_runtime

from . import logs
from .process import ending_signals, exclusive, freeze_garbage, prepare, report_confinement
from .worker_metrics import WorkerMetrics

logger = logging.getLogger(__name__)

_LOCK = "worker.lock"
_NUMBER = 1000  # more than a supervisor has workers, so that no folder is used twice
_WORKER = NodeIdentity(shared=True, role="worker", number=_NUMBER)


def work(  # noqa: PLR0917 - each is an option of the command, none has a position
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for documents, the index and keys.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(envvar="PDFSLUICE_CONFIG", help="Settings file (TOML).")
    ] = None,
    kind: Annotated[
        list[JobKind] | None, typer.Option(help="Jobs to run; may be given more than once.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port on this machine for /metrics; none by default.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="Lowest level to log: debug, info, warning or error.")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="auto, console or json.")] = None,
) -> None:
    """Run background jobs for the servers of a database, until it is stopped.

    SIGTERM, SIGHUP and Ctrl-C stop it. It continues the work of dead servers as well, and takes
    no requests. Without --kind it runs all jobs; next to an object store it leaves those of the
    built-in index to servers, which search in a folder of their own.
    """
    manager, loaded = load_all(
        file=config,
        command_line={
            "data_dir": data_dir,
            "worker_metrics_port": metrics_port,
            "log_level": log_level,
            "log_format": log_format,
        },
    )
    settings = loaded.settings
    logs.configure(settings)
    for warning in loaded.warnings:
        logger.warning("%s", warning)
    prepare(settings)
    with ExitStack() as stack:
        for folder in dict.fromkeys((settings.data_dir, settings.state_dir)):
            stack.enter_context(exclusive(folder, _LOCK))
        asyncio.run(run(loaded, manager, kind or default_kinds(settings)))


def default_kinds(settings: Settings) -> Collection[JobKind]:
    """Return the jobs that a worker runs if none are named."""
    fields = type(settings).model_fields
    own_folder = settings.upload_store != fields["upload_store"].default
    if own_folder and settings.index == fields["index"].default:
        return [kind for kind in JobKind if kind is not JobKind.INDEX]
    return tuple(JobKind)


async def run(loaded: Loaded, manager: PluginManager, kinds: Collection[JobKind]) -> None:
    """Run jobs until a signal comes; jobs that have begun are queued again.

    Args:
        loaded: The settings.
        manager: The plugins.
        kinds: The jobs to run.

    Raises:
        PluginError: A plugin is at fault, or the servers keep their files in another store.
        CannotServe: The port for metrics is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ending_signals():
        loop.add_signal_handler(number, stop.set)
    port = loaded.settings.worker_metrics_port
    metrics = WorkerMetrics.register(manager) if port else None
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(
            open_runtime(loaded, manager, node=_WORKER, job_kinds=kinds)
        )
        if metrics is not None:
            await stack.enter_async_context(metrics.served(runtime, port))
        freeze_garbage()
        names = ", ".join(sorted(kinds))
        typer.echo(f"pdfsluice {version(DISTRIBUTION)} runs jobs ({names})")
        logger.info("working", extra={"node": runtime.cluster.node, "jobs": names})
        if not loaded.settings.stage_processes:
            reporting = asyncio.create_task(report_confinement())
            stack.callback(reporting.cancel)
        await stop.wait()
        logger.info("stopping")
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)  # a second signal ends the process immediately
        await runtime.drain()
    logger.info("stopped")
