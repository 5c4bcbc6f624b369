"""What every upload store must do that keeps each partial blob in one place."""

import pytest

from pdfsluice.core import Conflict, NotFound, PdfsluiceError, UploadStore

from .reopening import Reopen
from .upload_store_basics import (
    UploadStoreBasics,
    content_of,
    new_id,
    partial_content,
    partial_ids,
    publish,
    read,
    stored,
    stored_blob,
    write,
)


class UploadStoreContract(UploadStoreBasics):
    """The tests of an upload store whose :meth:`Blob.seal` returns no place.

    Override ``store`` with a fixture that returns an empty store, and ``other`` with one that
    returns a second instance of it, if servers can share it. Override ``reopen``, too, if the
    store outlives its process.
    """

    async def test_quarantine_is_there_after_opening_again(
        self, reopen: Reopen[UploadStore]
    ) -> None:
        async with reopen() as store:
            blob_id = await stored(store, b"bad")
            await store.quarantine(blob_id)
        async with reopen() as store:
            with pytest.raises(NotFound):
                await store.open(blob_id, ())
            await store.restore(blob_id)
            assert await content_of(store, blob_id) == b"bad"

    async def test_no_extent_has_a_place(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"abc", pieces=2)
        assert {extent.place for extent in sample.extents} == {""}

    async def test_both_instances_have_one_identity(
        self, store: UploadStore, other: UploadStore
    ) -> None:
        assert store.identity == other.identity

    async def test_a_blob_is_made_once(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"abc")
        with pytest.raises(Conflict):
            await store.create(sample.id, 3)
        assert await partial_content(store, sample) == b"abc"

    async def test_an_empty_blob_is_a_blob(self, store: UploadStore) -> None:
        blob_id = new_id()
        (await store.create(blob_id, 0)).close()
        await store.publish(blob_id, (), None)
        assert await content_of(store, blob_id) == b""

    async def test_two_open_blobs_see_the_same_bytes(self, store: UploadStore) -> None:
        blob_id = await stored(store, b"....")
        writer, reader = await store.open(blob_id, ()), await store.open(blob_id, ())
        write(writer, 1, b"ab")
        assert read(reader, 0, 4) == b".ab."
        writer.close()
        assert read(reader, 0, 4) == b".ab."
        reader.close()

    async def test_a_partial_blob_has_a_path(self, store: UploadStore) -> None:
        assert await content_of(store, await stored(store, b"abc")) == b"abc"

    async def test_no_missing_blob_is_opened_or_moved(self, store: UploadStore) -> None:
        with pytest.raises(NotFound):
            await store.open(new_id(), ())
        for operation in (store.quarantine, store.restore):
            with pytest.raises(NotFound):
                await operation(new_id())

    async def test_a_published_blob_is_not_opened(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"%PDF-1.7")
        await publish(store, sample)
        with pytest.raises(NotFound):
            await store.open(sample.id, sample.extents)

    async def test_quarantine_hides_and_restore_brings_back(self, store: UploadStore) -> None:
        blob_id = await stored(store, b"bad")
        await store.quarantine(blob_id)
        assert list(await partial_ids(store)) == []
        with pytest.raises(NotFound):
            await content_of(store, blob_id)
        with pytest.raises(NotFound):
            await store.open(blob_id, ())
        await store.restore(blob_id)
        assert await content_of(store, blob_id) == b"bad"

    async def test_nothing_that_was_removed_is_restored(self, store: UploadStore) -> None:
        partial, quarantined = [await stored(store, b"abc") for _ in range(2)]
        await store.quarantine(quarantined)
        for blob_id in (partial, quarantined):
            await store.remove(blob_id)
            with pytest.raises(NotFound):
                await store.restore(blob_id)

    async def test_sizes_are_those_of_whole_blobs(self, store: UploadStore) -> None:
        partial, quarantined = [await stored(store, b"abc") for _ in range(2)]
        published = await stored_blob(store, b"abc")
        await publish(store, published)
        await store.quarantine(quarantined)
        wanted = [partial, published.id, quarantined, new_id()]
        assert await store.sizes(wanted) == {partial: 3, published.id: 3}

    async def test_a_partial_copy_replaces_a_document(self, store: UploadStore) -> None:
        document = await stored_blob(store, b"damaged")
        await publish(store, document)
        await store.replace(document.id, await stored(store, b"whole and good"))
        assert await content_of(store, document.id) == b"whole and good"
        assert list(await store.published_ids()) == [document.id]
        assert list(await partial_ids(store)) == []

    async def test_parts_become_one_blob(self, store: UploadStore) -> None:
        whole = new_id()
        (await store.create(whole, 9)).close()
        parts = [await stored(store, data) for data in (b"abc", b"", b"defg", b"hi")]
        await store.concatenate(whole, parts)
        assert await content_of(store, whole) == b"abcdefghi"
        assert list(await partial_ids(store)) == [whole]

    @pytest.mark.parametrize("blob_id", ["", "..", "x"])
    async def test_no_part_is_outside_the_store(self, store: UploadStore, blob_id: str) -> None:
        part = await stored(store, b"abc")
        with pytest.raises(PdfsluiceError):
            await store.concatenate(part, [blob_id])
        with pytest.raises(PdfsluiceError):
            await store.concatenate(blob_id, [part])
        assert list(await partial_ids(store)) == [part]

    async def test_a_missing_part_changes_nothing(self, store: UploadStore) -> None:
        whole, part = await stored(store, b"old"), await stored(store, b"abc")
        with pytest.raises(NotFound):
            await store.concatenate(whole, [part, new_id()])
        assert await content_of(store, whole) == b"old"
        assert await content_of(store, part) == b"abc"

    async def test_usage_follows_what_is_there(self, store: UploadStore) -> None:
        assert (await store.usage()).partial_count == 0
        blobs = [await stored_blob(store, bytes(5000)) for _ in range(2)]
        usage = await store.usage()
        assert (usage.partial_count, usage.partial_bytes) == (2, 10_000)
        assert usage.available_bytes > 0
        await publish(store, blobs[0])
        await store.remove(blobs[1].id)
        usage = await store.usage()
        assert (usage.partial_count, usage.partial_bytes) == (0, 0)

    async def test_bytes_that_are_written_again_are_counted_once(self, store: UploadStore) -> None:
        blob = await store.create(new_id(), 10_000)
        for _ in range(3):
            write(blob, 0, bytes(4000))
        write(blob, 4000, bytes(1000))
        blob.close()
        assert (await store.usage()).partial_bytes == 5000
