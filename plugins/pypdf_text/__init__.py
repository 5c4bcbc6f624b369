"""Text of pages through pypdf: slower than PDFium and without native code.

Comes after ``pypdfium2``, for files on which that fails and for those who disable it.
"""

from collections.abc import Sequence

from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import OptionsSpec, PluginContext
from pdfsluice.core.plugins.ports.documents import TextExtractorSpec

NAME = "pypdf"


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

    extractor = PypdfText(context.options(NAME, PypdfOptions))
    return [TextExtractorSpec(name=NAME, extractor=extractor, after=("pypdfium2",))]
