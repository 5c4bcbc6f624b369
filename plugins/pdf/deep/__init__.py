"""The deep pass: the whole file is opened in a limited process and walked object by object."""

from collections.abc import Sequence

from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import OptionsSpec, PluginContext
from pdfsluice.core.plugins.ports.stages import CompletionStageSpec

SECTION = "deep"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``deep``."""
    from .options import DeepOptions  # noqa: PLC0415 - hooks import cheaply

    return (OptionsSpec(name=SECTION, model=DeepOptions),)


@hookimpl
def pdfsluice_register_completion_stages(context: PluginContext) -> Sequence[CompletionStageSpec]:
    """Register the stage ``pdf-deep``."""
    from pdfsluice.plugins.pdf.explanations import EXPLANATIONS  # noqa: PLC0415

    from .options import DeepOptions  # noqa: PLC0415 - hooks import cheaply
    from .stage import DeepStage  # noqa: PLC0415

    options = context.options(SECTION, DeepOptions)
    if not options.enabled:
        return ()
    stage = DeepStage(options)
    return (
        CompletionStageSpec(
            name="pdf-deep", stage=stage, close=stage.close, explanations=EXPLANATIONS
        ),
    )
