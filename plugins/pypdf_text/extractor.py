"""The text extractor ``pypdf``: the parent's side."""

from pdfsluice.core.documents.text.reading import PageReader

from .options import PypdfOptions


class PypdfText(PageReader):
    """A reader of the text of pages with pypdf, in limited child processes."""

    def __init__(self, options: PypdfOptions) -> None:
        super().__init__("pdfsluice.plugins.pypdf_text.worker", options.limits())
