"""ClamAV: uploads are shown to a clamd while they arrive. Nothing happens without a socket."""

from collections.abc import Sequence

from pdfsluice.core.hookspecs import hookimpl
from pdfsluice.core.ports import OptionsSpec, PluginContext
from pdfsluice.core.stages import CompletionStageSpec, StreamStageSpec

from .options import ClamavOptions
from .stages import NAME, RESCAN_NAME, ClamavStage, RescanStage

SECTION = "clamav"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``clamav``."""
    return (OptionsSpec(name=SECTION, model=ClamavOptions),)


@hookimpl
def pdfsluice_register_stream_stages(context: PluginContext) -> Sequence[StreamStageSpec]:
    """Register the stage ``clamav``, where a socket is configured."""
    options = context.options(SECTION, ClamavOptions)
    if not options.socket:
        return ()
    return (StreamStageSpec(name=NAME, open=lambda _: ClamavStage(options)),)


@hookimpl
def pdfsluice_register_completion_stages(context: PluginContext) -> Sequence[CompletionStageSpec]:
    """Register the stage that scans again what the first one could not scan to its end."""
    options = context.options(SECTION, ClamavOptions)
    if not options.socket:
        return ()
    return (CompletionStageSpec(name=RESCAN_NAME, stage=RescanStage(options)),)
