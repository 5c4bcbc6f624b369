"""Text and pictures of pages through PDFium, the engine of Chromium.

Untrusted bytes are parsed in limited child processes alone.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

NAME = "pypdfium2"
SECTION = "pdfium"
LIBRARIES = ("PIL", "pypdfium2")


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``pdfium``."""
    from .options import PdfiumOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [core.OptionsSpec(name=SECTION, model=PdfiumOptions)]


@core.hookimpl
def pdfsluice_register_completion_stages(
    context: core.PluginContext,
) -> Sequence[core.CompletionStageSpec]:
    """Register the stage ``hidden-text``, for policies that refuse such text."""
    from .hidden_stage import EXAMPLE, STAGE, HiddenTextStage  # noqa: PLC0415 - see above
    from .options import PdfiumOptions  # noqa: PLC0415

    options = context.options(SECTION, PdfiumOptions)
    return [
        core.CompletionStageSpec(
            name=STAGE,
            open=core.closing(partial(HiddenTextStage, options)),
            only_if_refused=(EXAMPLE,),
            after=("pdf-deep",),
        )
    ]


@core.hookimpl
def pdfsluice_register_text_extractors(
    context: core.PluginContext,
) -> Sequence[core.TextExtractorSpec]:
    """Register the text extractor ``pypdfium2``."""
    from .extractor import PdfiumText  # noqa: PLC0415 - see above
    from .options import PdfiumOptions  # noqa: PLC0415

    options = context.options(SECTION, PdfiumOptions)
    return [core.TextExtractorSpec(name=NAME, open=core.closing(partial(PdfiumText, options)))]


@core.hookimpl
def pdfsluice_register_page_renderers(
    context: core.PluginContext,
) -> Sequence[core.PageRendererSpec]:
    """Register the page renderer ``pypdfium2``."""
    from .options import PdfiumOptions  # noqa: PLC0415 - see above
    from .renderer import PdfiumPictures  # noqa: PLC0415

    options = context.options(SECTION, PdfiumOptions)
    return [core.PageRendererSpec(name=NAME, open=core.closing(partial(PdfiumPictures, options)))]
