"""OCR with Tesseract: reads the pictures of pages that have no text.

The library is Debian's ``tesseract-ocr``; without it, each document reports what is missing.
Pictures are read in limited child processes alone.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence
from functools import partial

from pdfsluice import core

NAME = SECTION = "tesseract"
LIBRARIES = ("PIL",)


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``tesseract``."""
    from .options import TesseractOptions  # noqa: PLC0415 - pydantic, only where settings are read

    return [core.OptionsSpec(name=SECTION, model=TesseractOptions)]


@core.hookimpl
def pdfsluice_register_text_recognizers(
    context: core.PluginContext,
) -> Sequence[core.TextRecognizerSpec]:
    """Register the text recognizer ``tesseract``."""
    from .options import TesseractOptions  # noqa: PLC0415 - see above
    from .recognizer import Tesseract  # noqa: PLC0415

    options = context.options(SECTION, TesseractOptions)
    return [
        core.TextRecognizerSpec(
            name=NAME,
            open=core.closing(partial(Tesseract, options, processes=context.settings.ocr_jobs)),
            resolution=options.resolution,
            pages_per_document=options.pages_per_document,
        )
    ]
