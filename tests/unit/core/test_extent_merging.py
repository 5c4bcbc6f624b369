"""An upload in tiny pieces leaves few rows, and each is verified like any other."""

import asyncio
import random
from collections.abc import Sequence
from uuid import uuid4

import pytest
import xxhash

from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.testing import MemorySessionStore, MemoryUploadStore
from pdfsluice.core.testing.contracts.samples import NOW, make_session
from pdfsluice.core.uploads.open_upload.extent_merging import (
    MAX_MERGED_BYTES,
    CommittedExtents,
    mergeable,
)


class Upload:
    """A session and its bytes, to which pieces are committed."""

    def __init__(self, blob: Blob, session_id: str, content: bytes) -> None:
        self.sessions = MemorySessionStore()
        self.blob, self.id, self.content = blob, session_id, content
        self.extents = CommittedExtents(session_id, self.sessions, lambda: blob)

    async def commit(self, start: int, end: int) -> None:
        piece = self.content[start:end]
        self.blob.write(start, memoryview(piece))
        extent = Extent(start, end, xxhash.xxh3_128_hexdigest(piece))
        await self.sessions.commit(self.id, extent, NOW)
        self.extents.add(extent)
        await self.extents.merge()

    async def check(self) -> int:
        """Compare each extent with its bytes; return how many there are."""
        extents = await self.sessions.extents(self.id)
        for extent in extents:
            piece = self.content[extent.start : extent.end]
            assert extent.fingerprint == xxhash.xxh3_128_hexdigest(piece)
        return len(extents)


@pytest.fixture
async def upload() -> Upload:
    content = random.Random(1).randbytes(700_000)
    session = make_session(id=str(uuid4()), total_size=len(content))
    blob = await MemoryUploadStore().create(session.id, len(content))
    upload = Upload(blob, session.id, content)
    await upload.sessions.create(session)
    return upload


async def test_pieces_of_one_byte_become_few_rows(upload: Upload) -> None:
    most = 0
    for position in range(2000):
        await upload.commit(position, position + 1)
        most = max(most, len(await upload.sessions.extents(upload.id)))
    assert most <= 65
    assert await upload.check() <= 65
    assert (await upload.sessions.get(upload.id)).committed.ranges == ((0, 2000),)


async def test_pieces_in_any_order_become_few_rows(upload: Upload) -> None:
    order = [(start, start + 700) for start in range(0, 700_000, 700)]
    random.Random(2).shuffle(order)
    for start, end in order:
        await upload.commit(start, end)
    assert (await upload.sessions.get(upload.id)).committed.ranges == ((0, 700_000),)
    assert await upload.check() <= 2 * 700_000 // 65_536 + 64


async def test_pieces_at_the_same_time_are_all_kept(upload: Upload) -> None:
    pieces = [(start, start + 10) for start in range(0, 5000, 10)]
    for begin in range(0, len(pieces), 50):
        await asyncio.gather(*(upload.commit(*piece) for piece in pieces[begin : begin + 50]))
    assert (await upload.sessions.get(upload.id)).committed.ranges == ((0, 5000),)
    await upload.check()


async def test_a_damaged_piece_is_not_blessed(upload: Upload) -> None:
    """A merged fingerprint must not make rot invisible."""
    for position in range(63):
        await upload.commit(position, position + 1)
    upload.blob.write(30, memoryview(bytes([upload.content[30] ^ 1])))
    await upload.commit(63, 64)
    assert await upload.check() == 64, "nothing was merged, and the damage is still found"


class CountingStore(MemorySessionStore):
    """A session store that counts how often all extents of an upload are read."""

    readings = 0

    async def extents(self, session_id: str) -> Sequence[Extent]:
        """Count, then return them."""
        self.readings += 1
        return await super().extents(session_id)


@pytest.mark.parametrize(("place", "max_readings"), [("", 1), ("place-{}", 20)])
@pytest.mark.parametrize("behind", [0, 1, 100])
async def test_the_stages_of_many_extents_rarely_need_the_database(
    place: str, max_readings: int, behind: int
) -> None:
    """One reading of all for each of them would take a time that grows with their square."""
    sessions, count = CountingStore(), 100
    session = make_session(id=str(uuid4()), total_size=count)
    await sessions.create(session)
    extents = CommittedExtents(session.id, sessions, _no_blob, max_known=10)
    pieces = [Extent(n, n + 1, f"{n}", place.format(n)) for n in range(count)]
    for number in range(count + behind):
        for piece in pieces[number : number + 1]:
            await sessions.commit(session.id, piece, NOW)
            extents.add(piece)
        for piece in pieces[number - behind : number - behind + 1] if number >= behind else ():
            placed = await extents.elsewhere(piece.start, piece.end)
            assert list(placed) == ([piece] if place else [])
    assert sessions.readings <= max_readings
    assert len(await extents.all()) == count


def _no_blob() -> Blob:
    raise AssertionError("no byte is read")


def test_only_small_touching_extents_are_merged() -> None:
    def extents(*ranges: tuple[int, int]) -> list[Extent]:
        return [Extent(start, end, "") for start, end in ranges]

    def groups(*ranges: tuple[int, int]) -> list[list[tuple[int, int]]]:
        return [[(e.start, e.end) for e in group] for group in mergeable(extents(*ranges))]

    assert groups((0, 10), (20, 30)) == []
    assert groups((0, 10), (10, 20), (30, 40)) == [[(0, 10), (10, 20)]]
    assert groups((0, 65_536), (65_536, 131_072)) == [], "whole chunks stay as they are"
    assert groups((0, 65_536), (65_536, 65_537)) == []
    size = 50_000
    many = [(n * size, (n + 1) * size) for n in range(12)]
    merged = groups(*many)
    assert all(group[-1][1] - group[0][0] <= MAX_MERGED_BYTES for group in merged)
    assert [extent for group in merged for extent in group][:10] == many[:10]
