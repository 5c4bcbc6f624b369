"""Local copies of objects: downloaded once, kept while read, then deleted."""

import asyncio
import threading
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from pdfsluice.core import NotFound
from pdfsluice.core.segments import names
from pdfsluice.core.segments.cache import LocalCopies
from pdfsluice.core.segments.derived import DerivedObjects
from pdfsluice.core.testing import MemoryObjectStore
from tests.support.waiting import until


class CountingStore(MemoryObjectStore):
    """Counts how many objects are read from their start."""

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
def copies(tmp_path: Path, objects: CountingStore) -> LocalCopies:
    copies = LocalCopies(tmp_path / "copies", objects, max_bytes=2500)
    copies.prepare()
    return copies


def document(objects: CountingStore, size: int = 1000) -> str:
    name = names.document(str(uuid4()))
    objects.put(name, memoryview(bytes(size)))
    return name


async def size_of(copies: LocalCopies, name: str) -> int:
    async with copies.file(name) as path:
        await asyncio.sleep(0)
        return path.stat().st_size


async def test_an_object_is_downloaded_once_for_all(
    copies: LocalCopies, objects: CountingStore
) -> None:
    name = document(objects)
    assert await asyncio.gather(*(size_of(copies, name) for _ in range(5))) == [1000] * 5
    assert objects.downloads == 1


class HeldStore(MemoryObjectStore):
    """Holds every read until it may continue, and counts those that run at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.may_continue = threading.Event()
        self.running: list[int] = []
        self.most = 0

    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        self.running.append(offset)
        self.most = max(self.most, len(self.running))
        self.may_continue.wait(10)
        self.running.pop()
        return super().read_into(name, offset, buffer)


async def test_a_reader_that_leaves_does_not_let_another_write_the_same_file(
    tmp_path: Path,
) -> None:
    objects = HeldStore()
    copies = LocalCopies(tmp_path / "copies", objects, max_bytes=2500)
    copies.prepare()
    name = names.document(str(uuid4()))
    objects.put(name, memoryview(bytes(1000)))
    leaving = asyncio.create_task(size_of(copies, name))
    await until(lambda: objects.running)
    leaving.cancel()
    staying = asyncio.create_task(size_of(copies, name))
    with suppress(TimeoutError):  # it has a moment to begin
        async with asyncio.timeout(0.1):
            await until(lambda: len(objects.running) > 1)
    objects.may_continue.set()
    assert await staying == 1000
    assert objects.most == 1
    await asyncio.gather(leaving, return_exceptions=True)
    assert leaving.cancelled()


async def test_the_least_recently_read_is_deleted(
    copies: LocalCopies, objects: CountingStore
) -> None:
    first, second, third = [document(objects) for _ in range(3)]
    for name in (first, second, first, third):
        await size_of(copies, name)
    assert [copies.path(each).exists() for each in (first, second, third)] == [True, False, True]


async def test_what_is_added_counts_and_is_not_downloaded(
    copies: LocalCopies, objects: CountingStore
) -> None:
    added = document(objects)
    copies.add(added, bytes(1000))
    assert await size_of(copies, added) == 1000
    assert objects.downloads == 0
    for name in (document(objects), document(objects)):
        await size_of(copies, name)
    assert not copies.path(added).exists()


async def test_a_file_in_use_stays(copies: LocalCopies, objects: CountingStore) -> None:
    first = document(objects, 2000)
    async with copies.file(first) as path:
        for _ in range(3):
            await size_of(copies, document(objects, 2000))
        assert path.stat().st_size == 2000
    assert len(list(path.parent.iterdir())) == 1


async def test_no_half_file_is_left_of_an_object_that_is_gone(
    copies: LocalCopies, tmp_path: Path
) -> None:
    for _ in range(2):
        with pytest.raises(NotFound):
            await size_of(copies, names.document(str(uuid4())))
    assert list((tmp_path / "copies").iterdir()) == []


async def test_what_an_earlier_process_left_is_deleted(
    copies: LocalCopies, objects: CountingStore
) -> None:
    name = document(objects)
    copies.path(name).write_bytes(b"half")
    copies.prepare()
    assert await size_of(copies, name) == 1000


async def test_derived_objects_have_a_bounded_copy(tmp_path: Path, objects: CountingStore) -> None:
    """Those of a deleted document are deleted in the store and here."""
    derived = DerivedObjects(objects, tmp_path / "derived", max_bytes=2500)
    derived.prepare()
    blob_ids = [str(uuid4()) for _ in range(4)]
    for blob_id in blob_ids:
        await derived.put(blob_id, "1-240.jpg", bytes(1000))
    assert len(list((tmp_path / "derived").iterdir())) == 2
    assert await derived.get(blob_ids[0], "1-240.jpg") == bytes(1000)
    assert objects.downloads == 1
    for blob_id in blob_ids:
        derived.delete(blob_id)
    assert list((tmp_path / "derived").iterdir()) == []
    assert objects.objects == {}
