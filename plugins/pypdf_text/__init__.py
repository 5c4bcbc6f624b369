"""Text of pages through pypdf: slower than PDFium and without native code.

Comes after ``pypdfium2``, for files on which that fails and for those who disable it.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

NAME = "pypdf"
LIBRARIES = ("pypdf",)


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``pypdf``."""
    from .options import PypdfOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [core.OptionsSpec(name=NAME, model=PypdfOptions)]


@core.hookimpl
def pdfsluice_register_text_extractors(
    context: core.PluginContext,
) -> Sequence[core.TextExtractorSpec]:
    """Register the text extractor ``pypdf``, after ``pypdfium2``."""
    from .extractor import PypdfText  # noqa: PLC0415 - see above
    from .options import PypdfOptions  # noqa: PLC0415

    opener = core.closing(partial(PypdfText, context.options(NAME, PypdfOptions)))
    return [core.TextExtractorSpec(name=NAME, open=opener, after=("pypdfium2",))]
