"""Documents as Markdown, with tables and headings, through pdf-inspector.

It serves ``GET /api/documents/{id}/markdown``; the text that is stored and searched comes from
other extractors. Untrusted bytes are parsed in limited child processes alone.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import OptionsSpec, PluginContext, TextExtractorSpec, closing, hookimpl

NAME = "pdf-inspector"
SECTION = "markdown"
LIBRARIES = ("pdf_inspector",)


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``markdown``."""
    from .options import MarkdownOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [OptionsSpec(name=SECTION, model=MarkdownOptions)]


@hookimpl
def pdfsluice_register_text_extractors(context: PluginContext) -> Sequence[TextExtractorSpec]:
    """Register the extractor ``pdf-inspector``, which returns Markdown."""
    from .extractor import MarkdownText  # noqa: PLC0415 - see above
    from .options import MarkdownOptions  # noqa: PLC0415

    options = context.options(SECTION, MarkdownOptions)
    return [
        TextExtractorSpec(name=NAME, open=closing(partial(MarkdownText, options)), markdown=True)
    ]
