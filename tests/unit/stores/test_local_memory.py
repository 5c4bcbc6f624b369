"""Bytes of the local store that are in memory are read without a thread."""

import asyncio
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from pdfsluice.core.errors import StorageFailed
from pdfsluice.plugins.local_store.blob import LocalBlob
from pdfsluice.plugins.local_store.files import is_in_memory
from pdfsluice.plugins.local_store.opening import open_store
from tests.support.waiting import until


@pytest.mark.parametrize("place", ["disk", "memory"])
async def test_written_bytes_are_read_without_waiting(tmp_path: Path, place: str) -> None:
    """What was just written is in memory, on the disk's file system and on tmpfs."""
    shared = Path("/dev/shm")
    if place == "memory" and not is_in_memory(shared):
        pytest.skip("there is no file system in memory")
    parent = shared if place == "memory" else tmp_path
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        home = Path(folder)
        async with open_store(upload_dir=home / "up", data_dir=home / "data") as store:
            blob = await store.create(str(uuid4()), 3000)
            await asyncio.to_thread(blob.write, 0, memoryview(b"x" * 3000))
            buffer = memoryview(bytearray(1000))
            assert isinstance(blob, LocalBlob)
            assert blob.read_cached(2000, buffer) in {1000, 0}, "0 on systems that cannot tell"
            if place == "memory":
                assert bytes(buffer) == b"x" * 1000
            blob.close_published()
            with pytest.raises(StorageFailed):
                blob.read_cached(0, buffer)


async def test_another_number_after_every_change(tmp_path: Path) -> None:
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data") as store:
        blob = await store.create(str(uuid4()), 3000)
        assert isinstance(blob, LocalBlob)
        await asyncio.to_thread(blob.write, 0, memoryview(b"x" * 3000))
        before = blob.changed_at()
        await asyncio.to_thread(blob.read_into, 0, memoryview(bytearray(3000)))
        assert blob.changed_at() == before

        def write() -> bool:
            blob.write(7, memoryview(b"y"))
            return blob.changed_at() != before

        await until(write, seconds=10)  # in the next tick of the system's clock at the latest
        blob.close()
        with pytest.raises(StorageFailed):
            blob.changed_at()
