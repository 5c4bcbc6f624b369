"""An object store fails or a server dies at a chosen request."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.errors import Overloaded, UploadIncomplete
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.objects import ObjectInfo
from pdfsluice.core.plugins.ports.stores import UploadStoreSpec
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.segments import open_segmented_store
from pdfsluice.core.testing import MemoryObjectStore
from tests.support.runtimes import a_runtime, initiate, send, send_all
from tests.support.waiting import until

CHUNK = 65_536
DATA = bytes(range(256)) * 1000
OBJECTS: dict[str, Any] = {"upload_store": "objects", "chunk_size": CHUNK}


class Bucket(MemoryObjectStore):
    """Objects in memory that outlive a server, and a request that fails.

    Attributes:
        failing: The method and the folder of requests that are not answered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failing: tuple[str, str] | None = None

    def put(self, name: str, data: memoryview) -> None:
        self._fail_if_chosen("put", name)
        super().put(name, data)

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            self._fail_if_chosen("delete", name)
        super().delete(names)

    def _fail_if_chosen(self, method: str, name: str) -> None:
        chosen, folder = self.failing or ("", "")
        if method == chosen and name.startswith(folder):
            raise Overloaded("no answer", retry_after=1)

    def names(self, folder: str) -> list[str]:
        return [item.name for item in self.list(folder)]

    @hookimpl
    def pdfsluice_register_upload_stores(self, context: PluginContext) -> list[UploadStoreSpec]:
        folder = context.upload_dir / "copies"
        return [UploadStoreSpec(name="objects", open=lambda: open_segmented_store(self, folder))]


async def content(runtime: Runtime, document_id: int) -> bytes:
    _, opened = await runtime.library.open_file(LOCAL, document_id)
    async with opened as path:
        return path.read_bytes()


async def only_document(runtime: Runtime, session: Session) -> int:
    """Wait for the document of an upload, which is the only one."""

    async def completed() -> bool:
        return (await runtime.uploads.get(LOCAL, session.id)).document_id is not None

    await until(completed, seconds=20)
    documents, total = await runtime.library.list(LOCAL)
    assert total == 1
    return documents[0].id


@pytest.mark.parametrize(
    "failing", [("put", "documents/"), ("delete", "uploads/")], ids=["publishing", "cleaning up"]
)
async def test_a_completion_that_breaks_off_continues_after_a_restart(
    tmp_path: Path, failing: tuple[str, str]
) -> None:
    bucket = Bucket()
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        bucket.failing = failing
        with pytest.raises(Overloaded):
            await runtime.uploads.complete(LOCAL, session.id)
    bucket.failing = None
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        assert await content(runtime, await only_document(runtime, session)) == DATA
    assert bucket.names("uploads") == []
    assert len(bucket.names("documents")) == 1


async def test_a_chunk_that_is_not_stored_is_not_acknowledged(tmp_path: Path) -> None:
    bucket = Bucket()
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
        bucket.failing = ("put", "uploads/")
        with pytest.raises(Overloaded):
            await send(runtime, session, DATA, 1)
        bucket.failing = None
        stored = await runtime.uploads.get(LOCAL, session.id)
        assert stored.committed.ranges == ((0, CHUNK),)
        await send_all(runtime, session, DATA)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_a_damaged_segment_is_missing_again_at_completion(tmp_path: Path) -> None:
    bucket = Bucket()
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
    (second,) = [name for name in bucket.names("uploads") if f"/{CHUNK}-" in name]
    bucket.put(second, memoryview(bytes(CHUNK)))
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        with pytest.raises(UploadIncomplete):
            await runtime.uploads.complete(LOCAL, session.id)
        stored = await runtime.uploads.get(LOCAL, session.id)
        assert list(stored.committed.missing(0, len(DATA))) == [(CHUNK, 2 * CHUNK)]
        await send(runtime, session, DATA, 1)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document is not None
        assert await content(runtime, done.document.id) == DATA


async def test_what_a_crash_left_of_a_completed_upload_is_deleted_at_the_start(
    tmp_path: Path,
) -> None:
    bucket = Bucket()
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        leftovers = dict(bucket.objects)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document is not None
    bucket.objects |= leftovers
    assert bucket.names("uploads")
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        assert bucket.names("uploads") == []
        assert await content(runtime, done.document.id) == DATA


async def test_a_server_with_another_database_deletes_no_segments(tmp_path: Path) -> None:
    bucket = Bucket()
    async with a_runtime(tmp_path / "one", bucket, **OBJECTS) as first:
        session = await initiate(first, DATA)
        await send(first, session, DATA, 0)
        for _ in range(2):  # a database without any session would be a reason of its own
            async with a_runtime(tmp_path / "two", bucket, **OBJECTS) as second:
                await initiate(second, DATA)
        await send_all(first, session, DATA)
        assert (await first.uploads.complete(LOCAL, session.id)).document


class LateBucket(Bucket):
    """A bucket whose lists show what was there when it last caught up."""

    def __init__(self) -> None:
        super().__init__()
        self._listed: dict[str, Any] = {}

    def catch_up(self) -> None:
        self._listed = dict(self.objects)

    def list(self, folder: str) -> Iterable[ObjectInfo]:
        present, self.objects = self.objects, self._listed
        try:
            return super().list(folder)
        finally:
            self.objects = present


async def test_lists_that_are_out_of_date_lose_nothing(tmp_path: Path) -> None:
    """Neither objects that they do not show yet, nor deleted ones that they still show."""
    bucket = LateBucket()
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
    for _ in range(2):
        async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
            resumed = await runtime.uploads.resume(LOCAL, session.id, "")
            assert resumed.committed.ranges == ((0, CHUNK),)
        bucket.catch_up()
    async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
        await send_all(runtime, session, DATA)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document
    left = {name for name in bucket.objects if name.startswith("uploads/")}
    bucket.catch_up()
    for _ in range(2):  # the second time, the list still shows what was deleted
        async with a_runtime(tmp_path, bucket, **OBJECTS) as runtime:
            assert await content(runtime, await only_document(runtime, session)) == DATA
        assert left
        assert not [name for name in bucket.objects if name.startswith("uploads/")]
