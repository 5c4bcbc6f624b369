"""The importer ``text``: reads all pages with the first extractor that can."""

from pdfsluice.core import ImportContext

from .disk_space import DiskSpace
from .options import TextOptions
from .text_run import TextRun


class TextImporter:
    """An importer of the text of all pages into the catalogue.

    Args:
        options: How much time and text one document may take.
        space: The disk on which the catalogue is.
    """

    def __init__(self, options: TextOptions, space: DiskSpace) -> None:
        self._options = options
        self._space = space

    async def run(self, context: ImportContext) -> None:
        """Read and store every page; repeating it replaces the same pages.

        Extractors are tried in their order. If one fails, or ends before the last page of the
        document, the next continues from that page. A page that none of them can read is
        stored empty, up to ``MAX_SKIPPED`` pages. A page whose text is garbled is read again
        by the others. At the limit of time or characters the text ends. The last message
        reports what is missing.

        Raises:
            DocumentUnreadable: No extractor can read the file.
            StorageFull: The disk is too full; try again later.
        """
        await TextRun(context, self._options, self._space).read_all()

    async def forget(self, document_id: int) -> None:
        """Do nothing: the catalogue deletes the pages together with the document."""
