"""The deep pass: a confined process opens the whole file and walks its objects.

It answers the questions that the streaming pass left open.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import CompletionStageSpec, OptionsSpec, PluginContext, closing, hookimpl

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
    return (
        CompletionStageSpec(
            name="pdf-deep", open=closing(partial(DeepStage, options)), explanations=EXPLANATIONS
        ),
    )
