"""What every upload store must do that keeps what was made from documents."""

from typing import Protocol

import pytest

from pdfsluice.core import DerivingStore, NotFound, UploadStore

from .asynchronous import AsyncContract
from .upload_store_basics import NOT_IDS, new_id, partial_ids, publish, stored_blob

NAME = "1-240-0123abcd.jpg"
_NOT_NAMES = ("", ".", "..", "-1.jpg", "1/240.jpg", "A.jpg", "1_240.jpg", "1.jpg\n", "é", "x" * 101)


class DerivingUploadStore(UploadStore, DerivingStore, Protocol):
    """An upload store with the further methods."""


class DerivingStoreContract(AsyncContract):
    """The tests of an upload store that is a :class:`~pdfsluice.core.DerivingStore`.

    Override ``store`` with a fixture that returns an empty store, and ``other`` with one that
    returns a second instance of it, as another server has it.
    """

    @pytest.fixture
    def store(self) -> DerivingUploadStore:
        raise NotImplementedError("override the fixture 'store'")

    @pytest.fixture
    def other(self) -> DerivingUploadStore:
        raise NotImplementedError("override the fixture 'other'")

    async def test_what_was_derived_comes_back(self, store: DerivingUploadStore) -> None:
        blob_id = new_id()
        for name, content in ((NAME, b"\xff\xd8\r\n\0" * 20_000), ("empty", b"")):
            await store.derive(blob_id, name, content)
            for _ in range(2):
                assert await store.derived(blob_id, name) == content

    async def test_each_blob_and_each_name_has_its_own(self, store: DerivingUploadStore) -> None:
        first, second = new_id(), new_id()
        contents = {(first, NAME): b"1", (first, f"x{NAME}"): b"2", (second, NAME): b"3"}
        for (blob_id, name), content in contents.items():
            assert await store.derived(blob_id, name) is None
            await store.derive(blob_id, name, content)
        for (blob_id, name), content in contents.items():
            assert await store.derived(blob_id, name) == content
        assert await store.derived(second, f"x{NAME}") is None

    async def test_what_one_node_derives_the_others_reach(
        self, store: DerivingUploadStore, other: DerivingUploadStore
    ) -> None:
        blob_id = new_id()
        assert await other.derived(blob_id, NAME) is None
        await store.derive(blob_id, NAME, b"a picture")
        assert await other.derived(blob_id, NAME) == b"a picture"

    async def test_two_nodes_derive_the_same(
        self, store: DerivingUploadStore, other: DerivingUploadStore
    ) -> None:
        blob_id = new_id()
        for node in (store, other, store):
            await node.derive(blob_id, NAME, b"a picture")
        for node in (store, other):
            assert await node.derived(blob_id, NAME) == b"a picture"

    async def test_it_is_deleted_with_its_blob(
        self, store: DerivingUploadStore, other: DerivingUploadStore
    ) -> None:
        sample, neighbour = await stored_blob(store, b"%PDF-1.7"), new_id()
        await publish(store, sample)
        await store.derive(neighbour, NAME, b"stays")
        await store.derive(sample.id, NAME, b"here")
        await other.derive(sample.id, f"x{NAME}", b"there")
        await store.remove(sample.id)
        assert [await store.derived(sample.id, name) for name in (NAME, f"x{NAME}")] == [None] * 2
        assert await store.derived(neighbour, NAME) == b"stays"
        assert list(await store.published_ids()) == [neighbour]

    async def test_a_blob_of_which_nothing_else_is_left_is_reported(
        self, store: DerivingUploadStore, other: DerivingUploadStore
    ) -> None:
        """A node has derived something while another one deleted the document."""
        blob_id = new_id()
        await store.derive(blob_id, NAME, b"late")
        await store.derive(blob_id, f"x{NAME}", b"later")
        assert list(await other.published_ids()) == [blob_id]
        assert await other.sizes([blob_id]) == {}
        await other.remove(blob_id)
        assert list(await store.published_ids()) == []

    async def test_it_is_no_part_of_an_upload(self, store: DerivingUploadStore) -> None:
        sample = await stored_blob(store, b"%PDF-1.7")
        await publish(store, sample)
        await store.derive(sample.id, NAME, b"a picture")
        assert list(await partial_ids(store)) == []
        assert list(await store.published_ids()) == [sample.id]
        assert await store.sizes([sample.id]) == {sample.id: len(sample.content)}
        await store.discard(sample.id)
        assert await store.derived(sample.id, NAME) == b"a picture"

    async def test_other_names_and_ids_are_refused(self, store: DerivingUploadStore) -> None:
        blob_id = new_id()
        names = [(blob_id, name) for name in _NOT_NAMES]
        for each, name in [*names, *((not_id, NAME) for not_id in NOT_IDS)]:
            with pytest.raises(NotFound):
                await store.derive(each, name, b"x")
            with pytest.raises(NotFound):
                await store.derived(each, name)
        assert list(await store.published_ids()) == []
