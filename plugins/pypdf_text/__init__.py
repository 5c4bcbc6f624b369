"""Text of pages through pypdf: slower than PDFium and without native code.

Comes after ``pypdfium2``, for files on which that fails and for those who disable it.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import OptionsSpec, PluginContext, TextExtractorSpec, closing, hookimpl

NAME = "pypdf"
LIBRARIES = ("pypdf",)


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``pypdf``."""
    from .options import PypdfOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [OptionsSpec(name=NAME, model=PypdfOptions)]


@hookimpl
def pdfsluice_register_text_extractors(context: PluginContext) -> Sequence[TextExtractorSpec]:
    """Register the text extractor ``pypdf``, after ``pypdfium2``."""
    from .extractor import PypdfText  # noqa: PLC0415 - see above
    from .options import PypdfOptions  # noqa: PLC0415

    opener = closing(partial(PypdfText, context.options(NAME, PypdfOptions)))
    return [TextExtractorSpec(name=NAME, open=opener, after=("pypdfium2",))]
