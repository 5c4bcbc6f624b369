"""A list of documents has whether each file is there, and fetches none of them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pdfsluice.core import Document, PluginContext, UploadStore, UploadStoreSpec, hookimpl
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.testing.memory_uploads import MemoryUploadStore
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.waiting import until

DATA = b"%PDF-1.7\n" + bytes(range(256)) * 40


class RemoteStore(MemoryUploadStore):
    """A store without local files, which counts how often a file is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched = 0

    @asynccontextmanager
    async def local_path(self, blob_id: str) -> AsyncGenerator[Path]:
        self.fetched += 1
        async with super().local_path(blob_id) as path:
            yield path

    @hookimpl
    def pdfsluice_register_upload_stores(self, context: PluginContext) -> list[UploadStoreSpec]:
        del context
        return [UploadStoreSpec(name="remote", open=self._open)]

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[UploadStore]:
        yield self


async def test_a_list_fetches_no_file(tmp_path: Path) -> None:
    store = RemoteStore()
    async with a_runtime(tmp_path, store, upload_store="remote") as runtime:
        for number in range(3):
            data = DATA + bytes([number])
            session = await initiate(runtime, data)
            await send_all(runtime, session, data)
            done = await runtime.uploads.complete(LOCAL, session.id)

            async def imported(document: Document = done.document) -> bool:
                return (await runtime.library.import_status(document)).share == 1

            await until(imported, seconds=10)
        await store.remove(done.document.blob_id)
        fetched = store.fetched
        documents, total = await runtime.library.list(LOCAL)
        available = await runtime.library.available(documents)
        assert (total, list(available.values())) == (3, [False, True, True])
        assert store.fetched == fetched
