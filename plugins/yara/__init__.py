"""YARA-X: whole files are scanned with rules of the operator's own.

Nothing happens without a folder of rules; with one, a wrong rule stops start-up.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

SECTION = "yara"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``yara``."""
    from .options import YaraOptions  # noqa: PLC0415 - hooks import cheaply

    return (core.OptionsSpec(name=SECTION, model=YaraOptions),)


@core.hookimpl
def pdfsluice_register_completion_stages(
    context: core.PluginContext,
) -> Sequence[core.CompletionStageSpec]:
    """Register the stage ``yara``, if a folder of rules is configured."""
    from .options import YaraOptions  # noqa: PLC0415
    from .stage import NAME, open_stage  # noqa: PLC0415

    options = context.options(SECTION, YaraOptions)
    if options.rules is None:
        return ()
    opener = partial(open_stage, options, options.rules)
    return (core.CompletionStageSpec(name=NAME, open=opener, after=("pdf-deep",)),)
