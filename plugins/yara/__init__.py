"""YARA-X: whole files are scanned with rules of the operator's own.

Nothing happens without a folder of rules; with one, a wrong rule stops start-up.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import CompletionStageSpec, OptionsSpec, PluginContext, hookimpl

SECTION = "yara"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``yara``."""
    from .options import YaraOptions  # noqa: PLC0415 - hooks import cheaply

    return (OptionsSpec(name=SECTION, model=YaraOptions),)


@hookimpl
def pdfsluice_register_completion_stages(context: PluginContext) -> Sequence[CompletionStageSpec]:
    """Register the stage ``yara``, if a folder of rules is configured."""
    from .options import YaraOptions  # noqa: PLC0415
    from .stage import NAME, open_stage  # noqa: PLC0415

    options = context.options(SECTION, YaraOptions)
    if options.rules is None:
        return ()
    opener = partial(open_stage, options, options.rules)
    return (CompletionStageSpec(name=NAME, open=opener, after=("pdf-deep",)),)
