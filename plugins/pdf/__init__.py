"""Scans PDFs while they arrive: structure and active content.

Registers the stream stages ``pdf-structure`` and ``pdf-security``. If both follow a session,
they share one pass over its bytes; each also works alone.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

NAME = "pdf"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``pdf``."""
    from .streaming.options import PdfOptions  # noqa: PLC0415 - hooks import cheaply

    return [core.OptionsSpec(name=NAME, model=PdfOptions)]


@core.hookimpl
def pdfsluice_register_stream_stages(context: core.PluginContext) -> Sequence[core.StreamStageSpec]:
    """Register the stages ``pdf-structure`` and ``pdf-security``."""
    from .streaming.stages import make_stages  # noqa: PLC0415

    return make_stages(fast=context.option(NAME, "hyperscan", bool))
