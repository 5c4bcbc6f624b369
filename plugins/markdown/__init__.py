"""Documents as Markdown, with tables and headings, through pdf-inspector.

It serves ``GET /api/documents/{id}/markdown``; the text that is stored and searched comes from
other extractors. Untrusted bytes are parsed in limited child processes alone.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

NAME = "pdf-inspector"
SECTION = "markdown"
LIBRARIES = ("pdf_inspector",)


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``markdown``."""
    from .options import MarkdownOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [core.OptionsSpec(name=SECTION, model=MarkdownOptions)]


@core.hookimpl
def pdfsluice_register_text_extractors(
    context: core.PluginContext,
) -> Sequence[core.TextExtractorSpec]:
    """Register the extractor ``pdf-inspector``, which returns Markdown."""
    from .extractor import MarkdownText  # noqa: PLC0415 - see above
    from .options import MarkdownOptions  # noqa: PLC0415

    options = context.options(SECTION, MarkdownOptions)
    return [
        core.TextExtractorSpec(
            name=NAME, open=core.closing(partial(MarkdownText, options)), markdown=True
        )
    ]
