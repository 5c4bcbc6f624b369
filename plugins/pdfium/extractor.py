"""The text extractor ``pypdfium2``: the parent's side."""

from pdfsluice.core.documents.text.reading import PageReader

from .options import PdfiumOptions


class PdfiumText(PageReader):
    """A reader of the text of pages with PDFium, in limited child processes."""

    def __init__(self, options: PdfiumOptions) -> None:
        super().__init__("pdfsluice.plugins.pdfium.text_worker", options.limits())
