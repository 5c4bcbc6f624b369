"""The text extractor ``pypdf``: the parent's side."""

from collections.abc import AsyncIterator
from pathlib import Path

from pdfsluice.core import PageText
from pdfsluice.core.documents.text.reading import pages_from_child, reader_pool

from .options import PypdfOptions


class PypdfText:
    """A reader of the text of pages with pypdf, in limited child processes."""

    def __init__(self, options: PypdfOptions) -> None:
        self._pool = reader_pool("pdfsluice.plugins.pypdf_text.worker", options.limits())

    def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        """Yield pages from number ``first`` on, in bounded memory.

        Raises:
            StageFailed: pypdf cannot read the file (any further).
        """
        return pages_from_child(self._pool, path, first=first)

    async def close(self) -> None:
        """End the child processes."""
        await self._pool.close()
