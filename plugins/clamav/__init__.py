"""ClamAV: a clamd scans uploads while they arrive.

Without a configured socket nothing happens.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import (
    ChildAccess,
    CompletionStageSpec,
    OptionsSpec,
    PluginContext,
    StreamStageSpec,
    hookimpl,
)

SECTION = "clamav"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``clamav``."""
    from .options import ClamavOptions  # noqa: PLC0415 - hooks import cheaply

    return (OptionsSpec(name=SECTION, model=ClamavOptions),)


@hookimpl
def pdfsluice_register_stream_stages(context: PluginContext) -> Sequence[StreamStageSpec]:
    """Register the stage ``clamav``, if a socket is configured."""
    from .options import ClamavOptions  # noqa: PLC0415
    from .stages import NAME, ClamavStage  # noqa: PLC0415

    options = context.options(SECTION, ClamavOptions)
    if not options.socket:
        return ()
    return (
        StreamStageSpec(
            name=NAME, open=lambda _: ClamavStage(options), access=ChildAccess(network=True)
        ),
    )


@hookimpl
def pdfsluice_register_completion_stages(context: PluginContext) -> Sequence[CompletionStageSpec]:
    """Register the stage that rescans what the first one did not scan completely."""
    from .options import ClamavOptions  # noqa: PLC0415
    from .stages import RESCAN_NAME, RescanStage, open_rescan  # noqa: PLC0415

    options = context.options(SECTION, ClamavOptions)
    if not options.socket:
        return ()
    stage = RescanStage(options)
    opener = partial(open_rescan, stage, options)
    return (CompletionStageSpec(name=RESCAN_NAME, open=opener, obstacle=stage.obstacle),)
