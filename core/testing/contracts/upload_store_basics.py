"""Requirements for every upload store, wherever it keeps the bytes.

Both contracts include them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import pytest
import xxhash

from pdfsluice.core import (
    Blob,
    Extent,
    NotFound,
    PdfsluiceError,
    StorageFailed,
    UploadStore,
)

from .asynchronous import AsyncContract
from .reopening import NOT_LASTING, Reopen

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
ANY_AGE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Stored:
    """A partial blob as the server knows it.

    Attributes:
        id: The blob.
        extents: What is committed of it.
        content: The bytes that were written.
    """

    id: str
    extents: tuple[Extent, ...]
    content: bytes


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


def sealed(blob: Blob, offset: int, data: bytes) -> Extent:
    """Write and seal bytes; return the extent to commit."""
    write(blob, offset, data)
    end = offset + len(data)
    return Extent(offset, end, xxhash.xxh3_128_hexdigest(data), blob.seal(offset, end))


async def stored_blob(store: UploadStore, content: bytes, pieces: int = 1) -> Stored:
    """Make a partial blob with this content, sealed in pieces, the last one first."""
    blob_id = new_id()
    blob = await store.create(blob_id, len(content))
    step = -(-len(content) // pieces) or 1
    starts = reversed(range(0, len(content), step))

    def fill() -> list[Extent]:
        return [sealed(blob, start, content[start : start + step]) for start in starts]

    extents = await asyncio.to_thread(fill)
    await asyncio.to_thread(blob.close)
    return Stored(blob_id, tuple(extents), content)


async def stored(store: UploadStore, content: bytes) -> str:
    """Make a partial blob with this content; return its id."""
    return (await stored_blob(store, content)).id


async def publish(store: UploadStore, stored: Stored) -> None:
    """Publish a blob as the server does."""
    await store.publish(stored.id, stored.extents, sha256(stored.content).hexdigest())


async def partial_content(store: UploadStore, stored: Stored) -> bytes:
    """Return the committed bytes of a partial blob, as the stages read them."""
    blob = await store.open(stored.id, stored.extents)

    def fetch() -> bytes:
        blob.fetch([extent for extent in stored.extents if extent.place])
        content = read(blob, 0, len(stored.content))
        path = blob.local_path
        assert path is None or path.read_bytes()[: len(content)] == content
        blob.close()
        return content

    return await asyncio.to_thread(fetch)


async def content_of(store: UploadStore, blob_id: str) -> bytes:
    """Return a whole blob."""
    async with store.local_path(blob_id) as path:
        return await asyncio.to_thread(path.read_bytes)


async def partial_ids(store: UploadStore) -> Sequence[str]:
    """Return the ids of all partial blobs."""
    return await store.orphans(ANY_AGE)


class UploadStoreBasics(AsyncContract):
    """The tests in both contracts of upload stores, wherever these keep the bytes."""

    @pytest.fixture
    def store(self) -> UploadStore:
        raise NotImplementedError("override the fixture 'store'")

    @pytest.fixture
    def other(self, store: UploadStore) -> UploadStore:
        """Another instance of the same store, by default this one."""
        return store

    @pytest.fixture
    def reopen(self) -> Reopen[UploadStore]:
        """Open one store again and again, at first an empty one."""
        pytest.skip(NOT_LASTING)

    async def test_blobs_are_there_after_opening_again(self, reopen: Reopen[UploadStore]) -> None:
        async with reopen() as store:
            identity = store.identity
            partial = await stored_blob(store, b"0123456789", pieces=3)
            published = await stored_blob(store, b"%PDF-1.7")
            await publish(store, published)
            removed = await stored_blob(store, b"removed")
            await store.remove(removed.id)
        async with reopen() as store:
            assert store.identity == identity
            assert await partial_content(store, partial) == partial.content
            assert await content_of(store, published.id) == published.content
            assert list(await partial_ids(store)) == [partial.id]
            assert list(await store.published_ids()) == [published.id]

    async def test_an_upload_continues_after_opening_again(
        self, reopen: Reopen[UploadStore]
    ) -> None:
        async with reopen() as store:
            first = await stored_blob(store, b"01234")
        async with reopen() as store:
            blob = await store.open(first.id, first.extents)
            rest = await asyncio.to_thread(sealed, blob, 5, b"56789")
            await asyncio.to_thread(blob.close)
        whole = Stored(first.id, (*first.extents, rest), b"0123456789")
        async with reopen() as store:
            assert await partial_content(store, whole) == whole.content
            await publish(store, whole)
            assert await content_of(store, whole.id) == whole.content

    async def test_bytes_come_back_as_they_were_written(self, store: UploadStore) -> None:
        blob_id = new_id()
        blob = await store.create(blob_id, 10)
        write(blob, 5, b"fghij")
        write(blob, 0, b"abcde")
        assert read(blob, 0, 10) == b"abcdefghij"
        assert read(blob, 3, 4) == b"defg"
        extent = Extent(0, 10, xxhash.xxh3_128_hexdigest(b"abcdefghij"), blob.seal(0, 10))
        assert read(blob, 0, 10) == b"abcdefghij"
        blob.close()
        assert await partial_content(store, Stored(blob_id, (extent,), bytes(10))) == b"abcdefghij"

    async def test_later_bytes_replace_earlier_ones_until_they_are_sealed(
        self, store: UploadStore
    ) -> None:
        blob = await store.create(new_id(), 10)
        write(blob, 0, b"0123456789")
        write(blob, 3, b"xyz")
        assert read(blob, 0, 10) == b"012xyz6789"
        blob.close()

    async def test_a_blob_of_unknown_size_grows(self, store: UploadStore) -> None:
        blob = await store.create(new_id(), None)
        assert read(blob, 0, 4) == b""
        write(blob, 0, b"abc")
        assert read(blob, 0, 10) == b"abc"
        assert read(blob, 3, 10) == b""
        blob.close()

    async def test_sealing_nothing_checks_the_blob(self, store: UploadStore) -> None:
        blob = await store.create(new_id(), 10)
        blob.seal(0, 0)
        blob.close()

    async def test_threads_write_at_the_same_time(self, store: UploadStore) -> None:
        blob_id, piece = new_id(), 65537
        blob = await store.create(blob_id, 16 * piece)
        pieces = [bytes([number]) * piece for number in range(16)]
        extents = await asyncio.gather(
            *(
                asyncio.to_thread(sealed, blob, number * piece, data)
                for number, data in enumerate(pieces)
            )
        )
        blob.close()
        content = b"".join(pieces)
        whole = Stored(blob_id, tuple(extents), content)
        assert await partial_content(store, whole) == content
        await publish(store, whole)
        assert await content_of(store, blob_id) == content

    async def test_a_closed_blob_refuses_and_closes_again(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"abc")
        blob = await store.open(sample.id, sample.extents)
        blob.close()
        blob.close()
        with pytest.raises(StorageFailed):
            write(blob, 0, b"x")
        with pytest.raises(StorageFailed):
            read(blob, 0, 1)
        with pytest.raises(StorageFailed):
            blob.seal(0, 1)

    async def test_what_one_instance_seals_another_reads(
        self, store: UploadStore, other: UploadStore
    ) -> None:
        sample = await stored_blob(store, b"0123456789", pieces=3)
        assert await partial_content(other, sample) == b"0123456789"
        await publish(other, sample)
        assert await content_of(store, sample.id) == b"0123456789"
        await store.remove(sample.id)
        assert await other.sizes([sample.id]) == {}

    async def test_a_store_keeps_its_identity(self, store: UploadStore) -> None:
        assert store.identity
        assert store.identity == store.identity

    async def test_what_is_not_there_is_not_found(self, store: UploadStore) -> None:
        with pytest.raises(NotFound):
            await store.publish(new_id(), (), None)
        with pytest.raises(NotFound):
            await content_of(store, new_id())

    @pytest.mark.parametrize("blob_id", NOT_IDS)
    async def test_what_is_no_id_is_refused(self, store: UploadStore, blob_id: str) -> None:
        with pytest.raises(PdfsluiceError):
            await store.create(blob_id, 1)
        for call in (
            store.open(blob_id, ()),
            store.publish(blob_id, (), None),
            store.quarantine(blob_id),
            store.restore(blob_id),
            store.remove(blob_id),
            store.discard(blob_id),
        ):
            with pytest.raises(PdfsluiceError):
                await call
        with pytest.raises(PdfsluiceError):
            await content_of(store, blob_id)
        assert list(await partial_ids(store)) == []

    async def test_publishing_makes_a_document(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"%PDF-1.7", pieces=2)
        await publish(store, sample)
        await publish(store, sample)
        assert await content_of(store, sample.id) == b"%PDF-1.7"
        assert list(await partial_ids(store)) == []

    async def test_a_path_stays_valid_while_it_is_used(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"%PDF-1.7")
        await publish(store, sample)
        async with store.local_path(sample.id) as path:
            assert path.is_file()
            assert path.stat().st_size == 8

    async def test_what_is_in_quarantine_is_no_document(self, store: UploadStore) -> None:
        sample = await stored_blob(store, b"bad")
        await store.quarantine(sample.id)
        await store.quarantine(sample.id)
        with pytest.raises(NotFound):
            await content_of(store, sample.id)
        await store.restore(sample.id)
        await store.restore(sample.id)
        assert await partial_content(store, sample) == b"bad"
        assert list(await partial_ids(store)) == [sample.id]

    async def test_remove_deletes_wherever_it_is(self, store: UploadStore) -> None:
        partial, published, quarantined = [await stored_blob(store, b"abc") for _ in range(3)]
        await publish(store, published)
        await store.quarantine(quarantined.id)
        for blob_id in (partial.id, published.id, quarantined.id, new_id()):
            await store.remove(blob_id)
            with pytest.raises(NotFound):
                await content_of(store, blob_id)
        assert list(await partial_ids(store)) == []
        assert list(await store.published_ids()) == []

    async def test_discarding_leaves_documents_alone(self, store: UploadStore) -> None:
        partial, published = [await stored_blob(store, b"abc") for _ in range(2)]
        await publish(store, published)
        for blob_id in (partial.id, published.id, new_id()):
            await store.discard(blob_id)
        assert list(await partial_ids(store)) == []
        assert await content_of(store, published.id) == b"abc"

    async def test_published_blobs_have_sizes(self, store: UploadStore) -> None:
        published, quarantined = [await stored_blob(store, b"abc") for _ in range(2)]
        await publish(store, published)
        await store.quarantine(quarantined.id)
        assert await store.sizes([published.id, quarantined.id, new_id()]) == {published.id: 3}
        assert await store.sizes([]) == {}

    async def test_published_blobs_are_named(self, store: UploadStore) -> None:
        blobs = [await stored_blob(store, b"abc") for _ in range(4)]
        for blob in blobs[:3]:
            await publish(store, blob)
        assert set(await store.published_ids()) == {blob.id for blob in blobs[:3]}

    @pytest.mark.parametrize("missing", [True, False])
    async def test_a_good_copy_replaces_a_document(
        self, store: UploadStore, *, missing: bool
    ) -> None:
        document = await stored_blob(store, b"damaged")
        copy = await stored_blob(store, b"whole and good")
        for blob in (document, copy):
            await publish(store, blob)
        assert await content_of(store, document.id) == b"damaged"
        if missing:
            await store.remove(document.id)
        await store.replace(document.id, copy.id)
        assert await content_of(store, document.id) == b"whole and good"
        assert list(await store.published_ids()) == [document.id]
        assert list(await partial_ids(store)) == []
        await store.replace(document.id, document.id)
        assert await content_of(store, document.id) == b"whole and good"
        with pytest.raises(NotFound):
            await store.replace(document.id, copy.id)

    async def test_partial_blobs_are_orphans_when_they_are_old_enough(
        self, store: UploadStore
    ) -> None:
        ids = {await stored(store, b"abc") for _ in range(5)}
        assert set(await partial_ids(store)) == ids
        assert list(await store.orphans(timedelta(hours=1))) == []
