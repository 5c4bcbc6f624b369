"""A plugin that draws pages and reads their pictures, as slowly as a test wants.

    python -m tests.support.scanner FOLDER PAGES FATAL

uploads a document of so many pages to a runtime in the folder, which is killed while the page
FATAL is read. Standard output has the id of the document.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pdfsluice.core import (
    Box,
    Document,
    ImportContext,
    ImporterSpec,
    IndexSpec,
    PageLayout,
    PageRendererSpec,
    PageText,
    PluginContext,
    Progress,
    RecognizedPage,
    RecognizedWord,
    StageFailed,
    TextRecognizerSpec,
    TextSource,
    hookimpl,
)
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.unsearched import UnsearchedIndex

LAYOUT = PageLayout(300, 400, "iv").encode()


class Scanner(UnsearchedIndex):
    """Imports pages without text, draws and reads them, and indexes what there is.

    Args:
        pages: How many pages a document has; page 1 has text of its own.
        broken: Pages that cannot be read.
        obstacle: What the recognizer lacks.
        limit: Pages of a document that it reads.
    """

    def __init__(
        self,
        pages: int = 3,
        *,
        broken: Sequence[int] = (),
        obstacle: str = "",
        limit: int = 100,
    ) -> None:
        self.pages, self.broken, self.limit = pages, broken, limit
        self.lack = obstacle
        self.widths: set[int] = set()
        self.read: list[int] = []
        self.published: list[int] = []
        self.indexed: list[list[str]] = []
        self.may_read = asyncio.Semaphore(1000)
        self.may_index = asyncio.Event()
        self.may_index.set()

    async def run(self, context: ImportContext) -> None:
        pages = [
            PageText(number, "", layout=LAYOUT, source=TextSource.NONE)
            for number in range(2, self.pages + 1)
        ]
        first = PageText(1, "typed", layout=LAYOUT)
        await context.catalogue.save_pages(context.document.id, [first, *pages])
        assert context.queue_recognition is not None
        await context.queue_recognition()
        context.progress(1.0, "Every page.")

    async def forget(self, document_id: int) -> None:
        return

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        self.widths.add(width)
        return b"%d" % page

    async def obstacle(self) -> str:
        return self.lack

    async def recognize(self, picture: bytes) -> RecognizedPage:
        await self.may_read.acquire()
        number = int(picture)
        if number in self.broken:
            raise StageFailed("it is too dark.")
        self.read.append(number)
        word = RecognizedWord(f"scanned{number}", Box(100, 50, 400, 90))
        return RecognizedPage(width=600, height=800, lines=[[word]])

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        texts = [page.text async for page in pages if page.text]
        await self.may_index.wait()
        self.indexed.append(texts)
        progress(1.0, "Indexed.")
        return len(texts)

    async def add_pages(self, document: Document, pages: Sequence[PageText]) -> None:
        self.published += [page.number for page in pages]

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> Sequence[ImporterSpec]:
        return [ImporterSpec(name="scanner", importer=self)]

    @hookimpl
    def pdfsluice_register_page_renderers(
        self, context: PluginContext
    ) -> Sequence[PageRendererSpec]:
        return [PageRendererSpec(name="scanner", renderer=self)]

    @hookimpl
    def pdfsluice_register_text_recognizers(
        self, context: PluginContext
    ) -> Sequence[TextRecognizerSpec]:
        return [
            TextRecognizerSpec(
                name="scanner", recognizer=self, resolution=144, pages_per_document=self.limit
            )
        ]

    @hookimpl
    def pdfsluice_register_indexes(self, context: PluginContext) -> Sequence[IndexSpec]:
        return [IndexSpec(name="scanner", open=self.open)]


async def a_document(runtime: Runtime, data: bytes = b"bytes") -> Document:
    session = await initiate(runtime, data, auto_build_index=True)
    await send_all(runtime, session, data)
    return (await runtime.uploads.complete(LOCAL, session.id)).document


class FatalScanner(Scanner):
    """A scanner that ends its process while it reads a page."""

    def __init__(self, pages: int, fatal: int) -> None:
        super().__init__(pages)
        self._fatal = fatal

    async def recognize(self, picture: bytes) -> RecognizedPage:
        if int(picture) == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().recognize(picture)


async def main(folder: Path, pages: int, fatal: int) -> None:
    """Upload a document, and be killed by its OCR."""
    async with a_runtime(folder, FatalScanner(pages, fatal), index="scanner") as runtime:
        print((await a_document(runtime)).id, flush=True)
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
