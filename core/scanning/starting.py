"""Starts what runs the stream stages: processes, or threads of the server."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pdfsluice.config import Loaded
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.threads import BufferPool, Workers

from .bootstrap import Bootstrap
from .pool import PoolLimits, StageProcessPool
from .reader import SLICE_SIZE
from .runner import StageRunners, ThreadRunners

logger = logging.getLogger(__name__)


@asynccontextmanager
async def stage_runners(
    loaded: Loaded,
    manager: PluginManager,
    registry: Registry,
    workers: Workers,
    *,
    limits: PoolLimits | None,
    module: str,
) -> AsyncIterator[StageRunners]:
    """Start what runs the stream stages; on leaving, end the stage processes.

    Threads of the server run them if the setting ``stage_processes`` is 0.
    """
    settings = loaded.settings
    # Half of the threads, so that writing never waits for scanning.
    buffers = BufferPool(max(1, settings.worker_threads // 2), SLICE_SIZE)
    threads = ThreadRunners(registry.stream_stages, workers, buffers)
    if not settings.stage_processes or not registry.stream_stages:
        yield threads
        return
    bootstrap = Bootstrap.of(loaded, manager, registry, logger.getEffectiveLevel())
    max_bytes = settings.stage_process_memory
    pool = StageProcessPool(
        bootstrap,
        settings.stage_processes,
        threads,
        limits=limits or PoolLimits(max_bytes=max_bytes, retire_bytes=max_bytes // 2),
        module=module,
    )
    async with pool.running():
        yield pool
