"""Text and pictures of pages through PDFium, the engine of Chromium.

Untrusted bytes are parsed in limited child processes alone.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import (
    CompletionStageSpec,
    OptionsSpec,
    PageRendererSpec,
    PluginContext,
    TextExtractorSpec,
    closing,
    hookimpl,
)

NAME = "pypdfium2"
SECTION = "pdfium"
LIBRARIES = ("PIL", "pypdfium2")


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``pdfium``."""
    from .options import PdfiumOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [OptionsSpec(name=SECTION, model=PdfiumOptions)]


@hookimpl
def pdfsluice_register_completion_stages(context: PluginContext) -> Sequence[CompletionStageSpec]:
    """Register the stage ``hidden-text``, for policies that refuse such text."""
    from .hidden_stage import EXAMPLE, STAGE, HiddenTextStage  # noqa: PLC0415 - see above
    from .options import PdfiumOptions  # noqa: PLC0415

    options = context.options(SECTION, PdfiumOptions)
    return [
        CompletionStageSpec(
            name=STAGE,
            open=closing(partial(HiddenTextStage, options)),
            only_if_refused=(EXAMPLE,),
            after=("pdf-deep",),
        )
    ]


@hookimpl
def pdfsluice_register_text_extractors(context: PluginContext) -> Sequence[TextExtractorSpec]:
    """Register the text extractor ``pypdfium2``."""
    from .extractor import PdfiumText  # noqa: PLC0415 - see above
    from .options import PdfiumOptions  # noqa: PLC0415

    options = context.options(SECTION, PdfiumOptions)
    return [TextExtractorSpec(name=NAME, open=closing(partial(PdfiumText, options)))]


@hookimpl
def pdfsluice_register_page_renderers(context: PluginContext) -> Sequence[PageRendererSpec]:
    """Register the page renderer ``pypdfium2``."""
    from .options import PdfiumOptions  # noqa: PLC0415 - see above
    from .renderer import PdfiumPictures  # noqa: PLC0415

    options = context.options(SECTION, PdfiumOptions)
    return [PageRendererSpec(name=NAME, open=closing(partial(PdfiumPictures, options)))]
