"""Local copies of documents: downloaded once, kept while read, then deleted."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from pdfsluice.core import NotFound
from pdfsluice.core.segments import names
from pdfsluice.core.segments.cache import DocumentCache
from pdfsluice.core.testing import MemoryObjectStore


class CountingStore(MemoryObjectStore):
    """Counts how many documents are read from their start."""

    def __init__(self) -> None:
        super().__init__()
        self.downloads = 0

    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        self.downloads += offset == 0
        return super().read_into(name, offset, buffer)


@pytest.fixture
def objects() -> CountingStore:
    return CountingStore()


@pytest.fixture
def cache(tmp_path: Path, objects: CountingStore) -> DocumentCache:
    return DocumentCache(tmp_path, objects, max_bytes=2500)


def document(objects: CountingStore, size: int = 1000) -> str:
    blob_id = str(uuid4())
    objects.put(names.document(blob_id), memoryview(bytes(size)))
    return blob_id


async def size_of(cache: DocumentCache, blob_id: str) -> int:
    async with cache.file(blob_id) as path:
        await asyncio.sleep(0)
        return path.stat().st_size


async def test_a_document_is_downloaded_once_for_all(
    cache: DocumentCache, objects: CountingStore
) -> None:
    blob_id = document(objects)
    assert await asyncio.gather(*(size_of(cache, blob_id) for _ in range(5))) == [1000] * 5
    assert objects.downloads == 1


async def test_the_least_recently_read_is_deleted(
    cache: DocumentCache, objects: CountingStore
) -> None:
    first, second, third = [document(objects) for _ in range(3)]
    for blob_id in (first, second, first, third):
        await size_of(cache, blob_id)
    assert [cache.path(each).exists() for each in (first, second, third)] == [True, False, True]


async def test_a_file_in_use_stays(cache: DocumentCache, objects: CountingStore) -> None:
    first = document(objects, 2000)
    async with cache.file(first) as path:
        for _ in range(3):
            await size_of(cache, document(objects, 2000))
        assert path.stat().st_size == 2000
    assert len(list(path.parent.iterdir())) == 1


async def test_no_half_file_is_left_of_a_document_that_is_gone(
    cache: DocumentCache, tmp_path: Path
) -> None:
    for _ in range(2):
        with pytest.raises(NotFound):
            await size_of(cache, str(uuid4()))
    assert list(tmp_path.iterdir()) == []
