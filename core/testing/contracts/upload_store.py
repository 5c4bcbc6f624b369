"""What every upload store must do."""

import asyncio
from uuid import uuid4

import pytest

from pdfsluice.core import Blob, Conflict, NotFound, PdfsluiceError, StorageFailed, UploadStore

NOT_IDS = (
    "",
    "..",
    "x",
    "../../../../etc/passwd",
    "00000000-0000-4000-8000-00000000000",
    "00000000-0000-4000-8000-00000000000/",
    "00000000-0000-4000-8000-000000000000\n",
    "00000000-0000-4000-8000-00000000000A",
    "00000000000040008000000000000000",
    "{00000000-0000-4000-8000-000000000000}",
    "00000000-0000-4000-8000-000000000000\0.pdf",
)


def new_id() -> str:
    """Return an id as the server makes them."""
    return str(uuid4())


def write(blob: Blob, offset: int, data: bytes) -> None:
    """Write bytes, as a worker thread does."""
    blob.write(offset, memoryview(data))


def read(blob: Blob, offset: int, length: int) -> bytes:
    """Return what is there of a range."""
    buffer = bytearray(length)
    return bytes(buffer[: blob.read_into(offset, memoryview(buffer))])


async def stored(store: UploadStore, content: bytes) -> str:
    """Make a partial blob with this content."""
    blob_id = new_id()
    blob = await store.create(blob_id, len(content))
    write(blob, 0, content)
    blob.sync()
    blob.close()
    return blob_id


async def content_of(store: UploadStore, blob_id: str) -> bytes:
    """Return a whole blob."""
    async with store.local_path(blob_id) as path:
        return path.read_bytes()


@pytest.mark.asyncio
class UploadStoreContract:
    """Override ``store`` with a fixture that returns an empty store."""

    @pytest.fixture
    def store(self) -> UploadStore:
        raise NotImplementedError("override the fixture 'store'")

    async def test_bytes_come_back_as_they_were_written(self, store: UploadStore) -> None:
        blob_id = new_id()
        blob = await store.create(blob_id, 10)
        write(blob, 5, b"fghij")
        write(blob, 0, b"abcde")
        blob.sync()
        assert read(blob, 0, 10) == b"abcdefghij"
        assert read(blob, 3, 4) == b"defg"
        blob.close()
        assert await content_of(store, blob_id) == b"abcdefghij"

    async def test_later_bytes_replace_earlier_ones(self, store: UploadStore) -> None:
        blob = await store.open(await stored(store, b"0123456789"))
        write(blob, 3, b"xyz")
        assert read(blob, 0, 10) == b"012xyz6789"
        blob.close()

    async def test_a_blob_of_unknown_size_grows(self, store: UploadStore) -> None:
        blob_id = new_id()
        blob = await store.create(blob_id, None)
        assert read(blob, 0, 4) == b""
        write(blob, 0, b"abc")
        assert read(blob, 0, 10) == b"abc"
        assert read(blob, 3, 10) == b""
        blob.close()

    async def test_an_empty_blob_is_a_blob(self, store: UploadStore) -> None:
        blob_id = new_id()
        (await store.create(blob_id, 0)).close()
        await store.publish(blob_id)
        assert await content_of(store, blob_id) == b""

    async def test_two_open_blobs_see_the_same_bytes(self, store: UploadStore) -> None:
        blob_id = await stored(store, b"....")
        writer, reader = await store.open(blob_id), await store.open(blob_id)
        write(writer, 1, b"ab")
        assert read(reader, 0, 4) == b".ab."
        writer.close()
        assert read(reader, 0, 4) == b".ab."
        reader.close()

    async def test_threads_write_at_the_same_time(self, store: UploadStore) -> None:
        blob_id, piece = new_id(), 65537
        blob = await store.create(blob_id, 16 * piece)
        pieces = [bytes([number]) * piece for number in range(16)]
        await asyncio.gather(
            *(
                asyncio.to_thread(write, blob, number * piece, data)
                for number, data in enumerate(pieces)
            )
        )
        blob.close()
        assert await content_of(store, blob_id) == b"".join(pieces)

    async def test_a_closed_blob_refuses_and_closes_again(self, store: UploadStore) -> None:
        blob = await store.open(await stored(store, b"abc"))
        blob.close()
        blob.close()
        with pytest.raises(StorageFailed):
            write(blob, 0, b"x")
        with pytest.raises(StorageFailed):
            read(blob, 0, 1)

    async def test_a_blob_is_made_once(self, store: UploadStore) -> None:
        blob_id = await stored(store, b"abc")
        with pytest.raises(Conflict):
            await store.create(blob_id, 3)
        assert await content_of(store, blob_id) == b"abc"

    async def test_what_is_not_there_is_not_found(self, store: UploadStore) -> None:
        with pytest.raises(NotFound):
            await store.open(new_id())
        for operation in (store.publish, store.quarantine, store.restore):
            with pytest.raises(NotFound):
                await operation(new_id())
        with pytest.raises(NotFound):
            await content_of(store, new_id())

    @pytest.mark.parametrize("blob_id", NOT_IDS)
    async def test_what_is_no_id_is_refused(self, store: UploadStore, blob_id: str) -> None:
        with pytest.raises(PdfsluiceError):
            await store.create(blob_id, 1)
        for operation in (store.open, store.publish, store.quarantine, store.restore, store.remove):
            with pytest.raises(PdfsluiceError):
                await operation(blob_id)
        with pytest.raises(PdfsluiceError):
            await content_of(store, blob_id)
        part = await stored(store, b"abc")
        with pytest.raises(PdfsluiceError):
            await store.concatenate(part, [blob_id])
        with pytest.raises(PdfsluiceError):
            await store.concatenate(blob_id, [part])
        assert list(await store.partial_ids()) == [part]

    async def test_publishing_makes_a_document(self, store: UploadStore) -> None:
        blob_id = await stored(store, b"%PDF-1.7")
        await store.publish(blob_id)
        await store.publish(blob_id)
        assert await content_of(store, blob_id) == b"%PDF-1.7"
        assert list(await store.partial_ids()) == []
        with pytest.raises(NotFound):
            await store.open(blob_id)

    async def test_a_path_stays_valid_while_it_is_used(self, store: UploadStore) -> None:
        blob_id = await stored(store, b"%PDF-1.7")
        async with store.local_path(blob_id) as path:
            assert path.is_file()
            assert path.stat().st_size == 8

    async def test_quarantine_hides_and_restore_brings_back(self, store: UploadStore) -> None:
        blob_id = await stored(store, b"bad")
        await store.quarantine(blob_id)
        await store.quarantine(blob_id)
        assert list(await store.partial_ids()) == []
        with pytest.raises(NotFound):
            await content_of(store, blob_id)
        with pytest.raises(NotFound):
            await store.open(blob_id)
        await store.restore(blob_id)
        await store.restore(blob_id)
        assert await content_of(store, blob_id) == b"bad"
        assert list(await store.partial_ids()) == [blob_id]

    async def test_remove_deletes_wherever_it_is(self, store: UploadStore) -> None:
        partial, published, quarantined = [await stored(store, b"abc") for _ in range(3)]
        await store.publish(published)
        await store.quarantine(quarantined)
        for blob_id in (partial, published, quarantined, new_id()):
            await store.remove(blob_id)
            with pytest.raises(NotFound):
                await content_of(store, blob_id)
            with pytest.raises(NotFound):
                await store.restore(blob_id)
        assert list(await store.partial_ids()) == []

    async def test_a_store_keeps_its_identity(self, store: UploadStore) -> None:
        assert store.identity
        assert store.identity == store.identity

    async def test_sizes_are_those_of_whole_blobs(self, store: UploadStore) -> None:
        partial, published, quarantined = [await stored(store, b"abc") for _ in range(3)]
        await store.publish(published)
        await store.quarantine(quarantined)
        wanted = [partial, published, quarantined, new_id()]
        assert await store.sizes(wanted) == {partial: 3, published: 3}
        assert await store.sizes([]) == {}

    async def test_published_blobs_are_named(self, store: UploadStore) -> None:
        ids = [await stored(store, b"abc") for _ in range(4)]
        for blob_id in ids[:3]:
            await store.publish(blob_id)
        assert set(await store.published_ids()) == set(ids[:3])

    @pytest.mark.parametrize("missing", [True, False])
    @pytest.mark.parametrize("published", [True, False])
    async def test_a_good_copy_replaces_a_document(
        self, store: UploadStore, *, missing: bool, published: bool
    ) -> None:
        document, copy = await stored(store, b"damaged"), await stored(store, b"whole and good")
        await store.publish(document)
        if missing:
            await store.remove(document)
        if published:
            await store.publish(copy)
        await store.replace(document, copy)
        assert await content_of(store, document) == b"whole and good"
        assert list(await store.published_ids()) == [document]
        assert list(await store.partial_ids()) == []
        await store.replace(document, document)
        assert await content_of(store, document) == b"whole and good"
        with pytest.raises(NotFound):
            await store.replace(document, copy)

    async def test_partial_blobs_are_named(self, store: UploadStore) -> None:
        ids = {await stored(store, b"abc") for _ in range(5)}
        assert set(await store.partial_ids()) == ids

    async def test_parts_become_one_blob(self, store: UploadStore) -> None:
        whole = new_id()
        (await store.create(whole, 9)).close()
        parts = [await stored(store, data) for data in (b"abc", b"", b"defg", b"hi")]
        await store.concatenate(whole, parts)
        assert await content_of(store, whole) == b"abcdefghi"
        assert list(await store.partial_ids()) == [whole]

    async def test_a_missing_part_changes_nothing(self, store: UploadStore) -> None:
        whole, part = await stored(store, b"old"), await stored(store, b"abc")
        with pytest.raises(NotFound):
            await store.concatenate(whole, [part, new_id()])
        assert await content_of(store, whole) == b"old"
        assert await content_of(store, part) == b"abc"

    async def test_usage_follows_what_is_there(self, store: UploadStore) -> None:
        assert (await store.usage()).partial_count == 0
        blob_ids = [await stored(store, bytes(5000)) for _ in range(2)]
        usage = await store.usage()
        assert (usage.partial_count, usage.partial_bytes) == (2, 10_000)
        assert usage.available_bytes > 0
        await store.publish(blob_ids[0])
        await store.remove(blob_ids[1])
        usage = await store.usage()
        assert (usage.partial_count, usage.partial_bytes) == (0, 0)

    async def test_bytes_that_are_written_again_are_counted_once(self, store: UploadStore) -> None:
        blob = await store.create(new_id(), 10_000)
        for _ in range(3):
            write(blob, 0, bytes(4000))
        write(blob, 4000, bytes(1000))
        blob.close()
        assert (await store.usage()).partial_bytes == 5000
