"""ClamAV: uploads are shown to a clamd while they arrive. Nothing happens without a socket."""

from collections.abc import Sequence

from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import OptionsSpec, PluginContext
from pdfsluice.core.plugins.ports.stages import CompletionStageSpec, StreamStageSpec

SECTION = "clamav"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``clamav``."""
    from .options import ClamavOptions  # noqa: PLC0415 - hooks import cheaply

    return (OptionsSpec(name=SECTION, model=ClamavOptions),)


@hookimpl
def pdfsluice_register_stream_stages(context: PluginContext) -> Sequence[StreamStageSpec]:
    """Register the stage ``clamav``, where a socket is configured."""
    from .options import ClamavOptions  # noqa: PLC0415
    from .stages import NAME, ClamavStage  # noqa: PLC0415

    options = context.options(SECTION, ClamavOptions)
    if not options.socket:
        return ()
    return (StreamStageSpec(name=NAME, open=lambda _: ClamavStage(options)),)


@hookimpl
def pdfsluice_register_completion_stages(context: PluginContext) -> Sequence[CompletionStageSpec]:
    """Register the stage that scans again what the first one could not scan to its end.

    A clamd that is not there is told now: whoever set the wrong socket wants to know before
    the first upload. It may still be starting, so it stops nothing.
    """
    from .options import ClamavOptions  # noqa: PLC0415
    from .stages import RESCAN_NAME, RescanStage, warn_if_away  # noqa: PLC0415

    options = context.options(SECTION, ClamavOptions)
    if not options.socket:
        return ()
    warn_if_away(options)
    stage = RescanStage(options)
    return (CompletionStageSpec(name=RESCAN_NAME, stage=stage, obstacle=stage.obstacle),)
