"""OCR with Tesseract: reads the pictures of pages that have no text.

The library is Debian's ``tesseract-ocr``; without it, each document reports what is missing.
Pictures are read in limited child processes alone.
"""

from collections.abc import Sequence
from functools import partial

from pdfsluice.core import OptionsSpec, PluginContext, TextRecognizerSpec, closing, hookimpl

NAME = SECTION = "tesseract"
LIBRARIES = ("PIL",)


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    """Register the section ``tesseract``."""
    from .options import TesseractOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [OptionsSpec(name=SECTION, model=TesseractOptions)]


@hookimpl
def pdfsluice_register_text_recognizers(context: PluginContext) -> Sequence[TextRecognizerSpec]:
    """Register the text recognizer ``tesseract``."""
    from .options import TesseractOptions  # noqa: PLC0415 - see above
    from .recognizer import Tesseract  # noqa: PLC0415

    options = context.options(SECTION, TesseractOptions)
    return [
        TextRecognizerSpec(
            name=NAME,
            open=closing(partial(Tesseract, options, processes=context.settings.ocr_jobs)),
            resolution=options.resolution,
            pages_per_document=options.pages_per_document,
        )
    ]
