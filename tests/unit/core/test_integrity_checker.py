"""Reading uploads back: every extent is compared, by however many threads."""

from typing import cast

import pytest
import xxhash

from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.uploads.open_upload.integrity import IntegrityChecker

STEP = 1000


class Stored:
    """The bytes of a blob, in memory; reading may fail at an offset."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.failing: int | None = None

    def read_into(self, offset: int, buffer: memoryview) -> int:
        if offset == self.failing:
            raise StorageFailed("the disk failed")
        piece = self.data[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)


def _blob(stored: Stored) -> Blob:
    return cast(Blob, stored)


def _extents(stored: Stored, count: int) -> list[Extent]:
    ranges = [(start, start + STEP) for start in range(0, count * STEP, STEP)]
    return [
        Extent(start, end, xxhash.xxh3_128_hexdigest(bytes(stored.data[start:end])))
        for start, end in ranges
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 8])
@pytest.mark.parametrize("readers", [1, 2, 3])
async def test_every_extent_is_compared(count: int, readers: int) -> None:
    stored = Stored(bytes(range(256)) * 40)
    extents = _extents(stored, count)
    checker = IntegrityChecker(max_readers=readers, min_share=STEP)
    assert await checker.corrupt(_blob(stored), extents) == []
    for extent in extents:
        stored.data[extent.end - 1] ^= 1
        assert await checker.corrupt(_blob(stored), extents) == [extent]
        stored.data[extent.end - 1] ^= 1


async def test_a_short_file_is_corrupt() -> None:
    stored = Stored(bytes(4 * STEP))
    extents = _extents(stored, 4)
    del stored.data[3 * STEP + 1 :]
    checker = IntegrityChecker(min_share=STEP)
    assert await checker.corrupt(_blob(stored), extents) == extents[3:]


@pytest.mark.parametrize("offset", [0, 3 * STEP])
async def test_a_failing_disk_is_reported_by_any_reader(offset: int) -> None:
    stored = Stored(bytes(4 * STEP))
    stored.failing = offset
    checker = IntegrityChecker(min_share=STEP)
    with pytest.raises(StorageFailed):
        await checker.corrupt(_blob(stored), _extents(stored, 4))


class Prompt(Stored):
    """A blob of which some bytes are in memory, the first ones."""

    def __init__(self, data: bytes, cached: int) -> None:
        super().__init__(data)
        self.cached = cached
        self.reads = 0

    def read_into(self, offset: int, buffer: memoryview) -> int:
        self.reads += 1
        return super().read_into(offset, buffer)

    def read_cached(self, offset: int, buffer: memoryview) -> int:
        return super().read_into(offset, buffer[: max(0, self.cached - offset)])


@pytest.mark.parametrize("cached", [0, STEP, 2 * STEP - 1, 2 * STEP])
async def test_a_small_upload_in_memory_needs_no_thread(cached: int) -> None:
    stored = Prompt(bytes(range(250)) * 8, cached)
    extents = _extents(stored, 2)
    checker = IntegrityChecker()
    assert await checker.corrupt(_blob(stored), extents) == []
    assert bool(stored.reads) is (cached < 2 * STEP)
    stored.data[STEP] ^= 1
    assert await checker.corrupt(_blob(stored), extents) == extents[1:]


async def test_a_large_upload_in_memory_is_read_by_threads() -> None:
    stored = Prompt(bytes(range(250)) * 8, 2 * STEP)
    checker = IntegrityChecker(max_prompt=2 * STEP - 1)
    assert await checker.corrupt(_blob(stored), _extents(stored, 2)) == []
    assert stored.reads
