"""The suites of stores that nodes and clients share fail for broken stores."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core import NotFound, SegmentedUploadStore, Ticket
from pdfsluice.core.testing import MemoryObjectStore
from pdfsluice.core.testing.contracts import DerivingStoreContract, ReachableStoreContract
from tests.support.broken import Broken, rules, suites
from tests.support.direct_bucket import DirectBucket

Store = type[SegmentedUploadStore]
ANY = (Exception, pytest.fail.Exception)


class Forgetful(SegmentedUploadStore):
    async def derived(self, blob_id: str, name: str) -> bytes | None:
        return (await super().derived(blob_id, name) or b"")[:10] or None


class OneForAll(SegmentedUploadStore):
    """Ignores the name."""

    async def derived(self, blob_id: str, name: str) -> bytes | None:
        return await super().derived(blob_id, name[-16:])

    async def derive(self, blob_id: str, name: str, content: bytes) -> None:
        await super().derive(blob_id, name[-16:], content)


class Private(SegmentedUploadStore):
    """Keeps what it derives to itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own: dict[tuple[str, str], bytes] = {}

    async def derived(self, blob_id: str, name: str) -> bytes | None:
        return self._own.get((blob_id, name))

    async def derive(self, blob_id: str, name: str, content: bytes) -> None:
        self._own[blob_id, name] = content


class Once(SegmentedUploadStore):
    async def derive(self, blob_id: str, name: str, content: bytes) -> None:
        assert await super().derived(blob_id, name) is None, "there is one already"
        await super().derive(blob_id, name, content)


class Keeping(SegmentedUploadStore):
    """Does not delete what was derived."""

    async def remove(self, blob_id: str) -> None:
        derived = dict(self._objects.objects)  # type: ignore[attr-defined]
        await super().remove(blob_id)
        for name, entry in derived.items():
            if name.startswith("derived/"):
                self._objects.objects[name] = entry  # type: ignore[attr-defined]


class DocumentsOnly(SegmentedUploadStore):
    async def published_ids(self) -> Sequence[str]:
        ids = await super().published_ids()
        return list(await self.sizes(ids))


class Discarding(SegmentedUploadStore):
    async def discard(self, blob_id: str) -> None:
        await self.remove(blob_id)


class AnyName(SegmentedUploadStore):
    async def derived(self, blob_id: str, name: str) -> bytes | None:
        try:
            return await super().derived(blob_id, name)
        except NotFound:
            return None


DERIVING: Sequence[tuple[str, Store]] = (
    ("test_what_was_derived_comes_back", Forgetful),
    ("test_each_blob_and_each_name_has_its_own", OneForAll),
    ("test_what_one_node_derives_the_others_reach", Private),
    ("test_two_nodes_derive_the_same", Once),
    ("test_it_is_deleted_with_its_blob", Keeping),
    ("test_a_blob_of_which_nothing_else_is_left_is_reported", DocumentsOnly),
    ("test_it_is_no_part_of_an_upload", Discarding),
    ("test_other_names_and_ids_are_refused", AnyName),
)


class Telling(SegmentedUploadStore):
    async def ticket(
        self, blob_id: str, slot: int, length: int, expires_at: datetime
    ) -> Ticket | None:
        ticket = await super().ticket(blob_id, slot, length, expires_at)
        return ticket and Ticket(f"{ticket.url}&it has none", ticket.headers, ticket.expires_at)


class FirstBytes(SegmentedUploadStore):
    """Adopts to the start of the file."""

    async def adopt(self, blob_id: str, slot: int, start: int, end: int) -> bool:
        return await super().adopt(blob_id, slot, 0, end - start)


class Optimistic(SegmentedUploadStore):
    async def adopt(self, blob_id: str, slot: int, start: int, end: int) -> bool:
        await super().adopt(blob_id, slot, start, end)
        return True


class Eager(SegmentedUploadStore):
    """Reads what waits as if it were part of the file."""

    async def create(self, blob_id: str, size: int | None) -> Any:
        blob = await super().create(blob_id, size)
        objects, read = self._objects, blob.read_into

        def read_into(offset: int, buffer: memoryview) -> int:
            name = f"uploads/{blob_id}/0.direct"
            return objects.read_into(name, offset, buffer) or read(offset, buffer)

        blob.read_into = read_into  # type: ignore[method-assign]
        return blob


class FirstWins(DirectBucket):
    def send(self, ticket: Ticket, data: bytes) -> int:
        name = ticket.url.removeprefix("memory:").partition("?")[0]
        return 200 if self.size(name) is not None else super().send(ticket, data)


class Pointing(DirectBucket):
    """A copy is another name of its source."""

    def __init__(self) -> None:
        super().__init__()
        self._copies: list[str] = []

    def copy(self, source: str, target: str) -> None:
        super().copy(source, target)
        self._copies.append(target)

    def send(self, ticket: Ticket, data: bytes) -> int:
        for name in self._copies:
            self.put(name, memoryview(data))
        return super().send(ticket, data)


class AnyLength(SegmentedUploadStore):
    async def adopt(self, blob_id: str, slot: int, start: int, end: int) -> bool:
        size = self._objects.size(f"uploads/{blob_id}/{slot}.direct")
        return await super().adopt(blob_id, slot, start, start + size if size else end)


class Mixed(SegmentedUploadStore):
    """Has the slots of all uploads in one place."""

    async def adopt(self, blob_id: str, slot: int, start: int, end: int) -> bool:
        waiting = [item.name for item in self._objects.list("uploads")]
        return any(name.endswith(f"/{slot}.direct") for name in waiting)


class Littering(SegmentedUploadStore):
    async def discard(self, blob_id: str) -> None:
        names = [item.name for item in self._objects.list(f"uploads/{blob_id}")]
        self._objects.delete([name for name in names if not name.endswith(".direct")])

    async def remove(self, blob_id: str) -> None:
        await self.discard(blob_id)


class Eternal(SegmentedUploadStore):
    async def ticket(
        self, blob_id: str, slot: int, length: int, expires_at: datetime
    ) -> Ticket | None:
        return await super().ticket(blob_id, slot, length, expires_at + timedelta(hours=1))


class AnyId(SegmentedUploadStore):
    async def clear(self, blob_id: str, slot: int) -> None:
        with suppress(NotFound):
            await super().clear(blob_id, slot)


REACHABLE: Sequence[tuple[str, Store, type[DirectBucket]]] = (
    ("test_a_ticket_is_an_address_without_secrets", Telling, DirectBucket),
    ("test_what_a_client_sends_becomes_part_of_the_file", FirstBytes, DirectBucket),
    ("test_nothing_is_adopted_where_nothing_waits", Optimistic, DirectBucket),
    ("test_what_waits_does_not_count", Eager, DirectBucket),
    ("test_sending_again_replaces_what_waits", SegmentedUploadStore, FirstWins),
    ("test_a_ticket_used_again_changes_nothing_that_counts", SegmentedUploadStore, Pointing),
    ("test_another_length_is_refused", AnyLength, DirectBucket),
    ("test_uploads_are_apart", Mixed, DirectBucket),
    ("test_what_waits_is_deleted_with_its_upload", Littering, DirectBucket),
    ("test_a_ticket_ends", Eternal, DirectBucket),
    ("test_other_ids_are_refused", AnyId, DirectBucket),
)


class Opened:
    """Makes the fixtures of one broken store: two instances, and what a client does."""

    def __init__(self, store: Store, bucket: type[MemoryObjectStore]) -> None:
        self._store = store
        self._bucket = bucket

    def fixtures(self) -> dict[str, Callable[[], Any]]:
        """Return what makes each fixture."""
        return {
            "store": self._first,
            "other": self._second,
            "send": self._send,
            "secrets": _secrets,
        }

    def _first(self) -> SegmentedUploadStore:
        self._objects = self._bucket()
        return self._second()

    def _second(self) -> SegmentedUploadStore:
        folder = Path(tempfile.mkdtemp(prefix="pdfsluice-broken-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        store = self._store(self._objects, folder, cache_bytes=10**6, min_free=0)
        store.prepare()
        return store

    def _send(self) -> Callable[[Ticket, bytes], Any]:
        async def send(ticket: Ticket, data: bytes) -> int:
            assert isinstance(self._objects, DirectBucket)
            return self._objects.send(ticket, data)

        return send


def _secrets() -> Sequence[str]:
    return ["it has none"]


DERIVING_ROWS = [
    Broken(DerivingStoreContract, rule, Opened(store, MemoryObjectStore).fixtures(), raises=ANY)
    for rule, store in DERIVING
]
REACHABLE_ROWS = [
    Broken(ReachableStoreContract, rule, Opened(store, bucket).fixtures(), raises=ANY)
    for rule, store, bucket in REACHABLE
]

globals().update(suites([*DERIVING_ROWS, *REACHABLE_ROWS], __name__))


def test_each_rule_has_a_store_that_breaks_it() -> None:
    assert {row.rule for row in DERIVING_ROWS} == rules(DerivingStoreContract)
    assert {row.rule for row in REACHABLE_ROWS} == rules(ReachableStoreContract)
