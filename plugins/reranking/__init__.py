"""Re-ranking of searches by any node postprocessor of LlamaIndex.

The postprocessor is foreign code that the operator names; it runs in a child process.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

NAME = "llama-index"
SECTION = "reranking"
LIBRARIES = ("llama_index",)


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``reranking``."""
    from .options import RerankingOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [core.OptionsSpec(name=SECTION, model=RerankingOptions)]


@core.hookimpl
def pdfsluice_register_rerankers(context: core.PluginContext) -> Sequence[core.RerankerSpec]:
    """Register the re-ranker ``llama-index``."""
    from .options import RerankingOptions  # noqa: PLC0415 - see above
    from .reranker import open_reranker  # noqa: PLC0415

    options = context.options(SECTION, RerankingOptions)
    is_chosen = context.settings.reranker == NAME
    if is_chosen and not options.postprocessor:
        raise core.PluginError(
            f"the re-ranker {NAME!r} has no postprocessor",
            hint=f"Set 'postprocessor' in the section {SECTION!r} of the settings.",
        )
    return [
        core.RerankerSpec(
            name=NAME,
            open=partial(open_reranker, options, preload=is_chosen),
            passages=options.passages,
            timeout_seconds=options.timeout_seconds,
        )
    ]
