"""Scans PDFs while they arrive: structure and active content.

Registers the stream stages ``pdf-structure`` and ``pdf-security``. If both follow a session,
they share one pass over its bytes; each also works alone.
"""

from collections.abc import Sequence

from pdfsluice.core import OptionsSpec, PluginContext, StreamStageSpec, hookimpl

NAME = "pdf"


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``pdf``."""
    from .streaming.options import PdfOptions  # noqa: PLC0415 - hooks import cheaply

    return [OptionsSpec(name=NAME, model=PdfOptions)]


@hookimpl
def pdfsluice_register_stream_stages(context: PluginContext) -> Sequence[StreamStageSpec]:
    """Register the stages ``pdf-structure`` and ``pdf-security``."""
    from .streaming.stages import make_stages  # noqa: PLC0415

    return make_stages(fast=context.option(NAME, "hyperscan", bool))
