"""The deep pass: a confined process opens the whole file and walks its objects.

It answers the questions that the streaming pass left open.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

SECTION = "deep"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``deep``."""
    from .options import DeepOptions  # noqa: PLC0415 - hooks import cheaply

    return (core.OptionsSpec(name=SECTION, model=DeepOptions),)


@core.hookimpl
def pdfsluice_register_completion_stages(
    context: core.PluginContext,
) -> Sequence[core.CompletionStageSpec]:
    """Register the stage ``pdf-deep``."""
    from pdfsluice.plugins.pdf.explanations import EXPLANATIONS  # noqa: PLC0415

    from .options import DeepOptions  # noqa: PLC0415 - hooks import cheaply
    from .stage import DeepStage  # noqa: PLC0415

    options = context.options(SECTION, DeepOptions)
    if not options.enabled:
        return ()
    return (
        core.CompletionStageSpec(
            name="pdf-deep",
            open=core.closing(partial(DeepStage, options)),
            explanations=EXPLANATIONS,
        ),
    )
