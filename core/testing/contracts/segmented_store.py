"""What every upload store must do whose extents have places of their own."""

import asyncio
from dataclasses import replace
from hashlib import sha256

import pytest

from pdfsluice.core import StorageFailed, UploadStore

from .upload_store_basics import (
    Stored,
    UploadStoreBasics,
    content_of,
    new_id,
    partial_content,
    partial_ids,
    publish,
    read,
    sealed,
    stored_blob,
    write,
)


def unused(place: str) -> str:
    """Return a place like another one, where nothing was stored."""
    return f"{place[:-1]}{'0' if place[-1] != '0' else '1'}"


class SegmentedUploadStoreContract(UploadStoreBasics):
    """The tests of an upload store whose :meth:`Blob.seal` returns a place.

    Override ``store`` with a fixture that returns an empty store, and ``other`` with one that
    returns a second instance of it, as another server has it. Override ``reopen``, too, if the
    store outlives its process.
    """

    async def test_each_extent_has_a_place_of_its_own(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"0123456789", pieces=4)
        again = await stored_blob(store, b"0123456789", pieces=4)
        places = {extent.place for extent in (*sample.extents, *again.extents)}
        assert len(places) == 8
        assert "" not in places

    async def test_what_is_sealed_never_changes(self, store: UploadStore) -> None:
        blob_id = new_id()
        blob = await store.create(blob_id, 10)
        first = await asyncio.to_thread(sealed, blob, 0, b"0123456789")
        second = await asyncio.to_thread(sealed, blob, 0, b"hostile...")
        assert first.place != second.place
        blob.fetch([first])
        write(blob, 0, b"even later")
        assert read(blob, 0, 10) == b"0123456789"
        assert blob.local_path is None or blob.local_path.read_bytes() == b"0123456789"
        blob.close()
        assert await partial_content(store, Stored(blob_id, (second,), bytes(10))) == b"hostile..."

    async def test_writers_of_one_range_do_not_disturb_each_other(
        self, store: UploadStore, other: UploadStore
    ) -> None:
        """The session store decides which of them is committed."""
        blob_id = new_id()
        here, there = await store.create(blob_id, 3), await other.open(blob_id, ())
        mine = await asyncio.to_thread(sealed, here, 0, b"abc")
        theirs = await asyncio.to_thread(sealed, there, 0, b"xyz")
        for blob in (here, there):
            blob.fetch([theirs])
            assert read(blob, 0, 3) == b"xyz"
            blob.close()
        assert await partial_content(store, Stored(blob_id, (mine,), b"abc")) == b"abc"

    async def test_lost_extents_are_reported(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"0123456789", pieces=2)
        assert list(await store.lost(sample.id, sample.extents)) == []
        missing = [replace(extent, place=unused(extent.place)) for extent in sample.extents]
        short = replace(sample.extents[0], end=sample.extents[0].end + 1)
        assert list(await store.lost(sample.id, [*missing, *sample.extents, short])) == [
            *missing,
            short,
        ]

    async def test_damaged_extents_are_not_shown_and_reported(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"0123456789")
        damaged = replace(sample.extents[0], fingerprint="00" * 16)
        blob = await store.open(sample.id, [damaged])
        with pytest.raises(StorageFailed):
            await asyncio.to_thread(blob.fetch, [damaged])
        assert list(await store.lost(sample.id, [damaged])) == [damaged]
        blob.close()
        assert list(await store.lost(sample.id, [damaged])) == [damaged]

    async def test_copied_extents_outlive_their_source(self, store: UploadStore) -> None:
        part = await stored_blob(store, b"abcdef", pieces=2)
        whole = new_id()
        shifted = [replace(e, start=e.start + 10, end=e.end + 10) for e in part.extents]
        copies = await store.copy(whole, shifted)
        assert [(e.start, e.end, e.fingerprint) for e in copies] == [
            (e.start, e.end, e.fingerprint) for e in shifted
        ]
        await store.remove(part.id)
        assert list(await store.lost(whole, copies)) == []
        assert list(await partial_ids(store)) == [whole]

    async def test_only_what_was_scanned_is_published(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"%PDF-1.7 large" * 700_000, pieces=3)
        with pytest.raises(StorageFailed):
            await store.publish(sample.id, sample.extents, sha256(b"another file").hexdigest())
        assert list(await store.published_ids()) == []
        await publish(store, sample)
        assert await content_of(store, sample.id) == sample.content

    async def test_publishing_finishes_what_a_crash_interrupted(
        self, store: UploadStore, other: UploadStore
    ) -> None:
        sample = await stored_blob(store, b"0123456789", pieces=2)
        await publish(store, sample)
        await publish(other, sample)
        await other.publish(sample.id, sample.extents, None)
        assert await content_of(other, sample.id) == b"0123456789"

    async def test_a_damaged_segment_is_not_published(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"0123456789")
        damaged = replace(sample.extents[0], fingerprint="00" * 16)
        with pytest.raises(StorageFailed):
            await store.publish(sample.id, [damaged], sha256(sample.content).hexdigest())
        assert list(await store.published_ids()) == []
        assert list(await partial_ids(store)) == [sample.id]
