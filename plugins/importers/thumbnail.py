"""The importer ``thumbnail``: draws the first page in advance."""

from pdfsluice.core import DocumentUnreadable, ImportContext, NotFound

WIDTH = 240
"""Pixels; the width that lists of documents request."""


class ThumbnailImporter:
    """An importer that draws the first page, for lists of documents."""

    async def run(self, context: ImportContext) -> None:
        """Draw the first page; a failure to draw it does not fail the import."""
        if context.preview is None:
            return
        try:
            await context.preview(1, WIDTH)
        except (NotFound, DocumentUnreadable) as error:
            context.progress(1.0, f"There is no picture of the first page: {error}")
        else:
            context.progress(1.0, "The first page is drawn.")

    async def forget(self, document_id: int) -> None:
        """Do nothing: the pictures are deleted together with the document."""
