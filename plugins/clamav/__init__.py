"""ClamAV: a clamd scans uploads while they arrive.

Without a configured socket nothing happens.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

SECTION = "clamav"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``clamav``."""
    from .options import ClamavOptions  # noqa: PLC0415 - hooks import cheaply

    return (core.OptionsSpec(name=SECTION, model=ClamavOptions),)


@core.hookimpl
def pdfsluice_register_stream_stages(context: core.PluginContext) -> Sequence[core.StreamStageSpec]:
    """Register the stage ``clamav``, if a socket is configured."""
    from .options import ClamavOptions  # noqa: PLC0415
    from .stages import NAME, ClamavStage  # noqa: PLC0415

    options = context.options(SECTION, ClamavOptions)
    if not options.socket:
        return ()
    return (
        core.StreamStageSpec(
            name=NAME, open=lambda _: ClamavStage(options), access=core.ChildAccess(network=True)
        ),
    )


@core.hookimpl
def pdfsluice_register_completion_stages(
    context: core.PluginContext,
) -> Sequence[core.CompletionStageSpec]:
    """Register the stage that rescans what the first one did not scan completely."""
    from .options import ClamavOptions  # noqa: PLC0415
    from .stages import RESCAN_NAME, RescanStage, open_rescan  # noqa: PLC0415

    options = context.options(SECTION, ClamavOptions)
    if not options.socket:
        return ()
    stage = RescanStage(options)
    opener = partial(open_rescan, stage, options)
    return (core.CompletionStageSpec(name=RESCAN_NAME, open=opener, obstacle=stage.obstacle),)
