"""Refuse or delay chunks while memory, disk or open uploads are at their limit.

It is a gate: it acts before a body is read, and never on bytes that were received.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

SECTION = "backpressure"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``backpressure``."""
    from .options import BackpressureOptions  # noqa: PLC0415 - hooks import cheaply

    return [core.OptionsSpec(name=SECTION, model=BackpressureOptions)]


@core.hookimpl
def pdfsluice_register_gates(context: core.PluginContext) -> Sequence[core.GateSpec]:
    """Register the gates ``memory``, ``disk`` and ``concurrency``, in this order."""
    from .concurrency import ConcurrencyGate  # noqa: PLC0415 - hooks import cheaply
    from .options import BackpressureOptions  # noqa: PLC0415 - hooks import cheaply
    from .resources import DiskGate, MemoryGate  # noqa: PLC0415 - hooks import cheaply

    settings = context.settings
    options = context.options(SECTION, BackpressureOptions)
    memory = MemoryGate(limit_mb=settings.memory_limit_mb, publish=context.publish)
    disk = DiskGate(context.upload_dir, min_free=settings.min_free_space, publish=context.publish)
    concurrency = ConcurrencyGate(settings.max_concurrent_uploads, patience=options.patience)
    return [
        core.GateSpec(name="memory", gate=memory, obstacle=memory.obstacle),
        core.GateSpec(name="disk", gate=disk, after=("memory",), obstacle=disk.obstacle),
        core.GateSpec(name="concurrency", gate=concurrency, after=("memory", "disk")),
    ]
