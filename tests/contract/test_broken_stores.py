"""The suites of stores fail for stores that break a rule."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from pdfsluice.core import (
    Blob,
    Document,
    Extent,
    JobKind,
    NewDocument,
    NotFound,
    ObjectInfo,
    Session,
    UploadStore,
)
from pdfsluice.core.testing import (
    MemoryCatalogue,
    MemoryObjectStore,
    MemorySessionStore,
    MemoryUploadStore,
)
from pdfsluice.core.testing.contracts import (
    CatalogueContract,
    ObjectStoreContract,
    SessionStoreContract,
    UploadStoreContract,
)
from tests.support.broken import Broken, rules, suites
from tests.support.mutants import holds, unbroken

ANY = (Exception, pytest.fail.Exception)


class Forgetful(MemorySessionStore):
    async def get(self, session_id: str) -> Session:
        return replace(await super().get(session_id), facts={})


class Inexact(MemorySessionStore):
    async def commit(
        self, session_id: str, extent: Extent, now: datetime, *, frontier: int = 0
    ) -> None:
        rounded = replace(extent, start=int(float(extent.start)), end=int(float(extent.end)))
        await super().commit(session_id, rounded, now, frontier=frontier)


class Lossy(MemorySessionStore):
    """Writes what it read before others wrote."""

    async def commit(
        self, session_id: str, extent: Extent, now: datetime, *, frontier: int = 0
    ) -> None:
        entry = self._entries.get(session_id)
        earlier = dict(entry.extents) if entry else {}
        await asyncio.sleep(0)
        await super().commit(session_id, extent, now, frontier=frontier)
        last = (extent.start, extent.end)
        entry = self._entries[session_id]
        entry.extents = earlier | {last: entry.extents[last]}


SESSION_STORES = [
    Broken(SessionStoreContract, rule, {"store": store}, raises=ANY)
    for rule, store in (
        ("test_every_field_comes_back", Forgetful),
        ("test_large_offsets_are_exact", Inexact),
        ("test_simultaneous_commits_are_all_kept", Lossy),
    )
]


class ChangedBlob:
    """Stands for a blob; a subclass changes something."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blob, name)


class Shifted(ChangedBlob):
    """Reads from the start, whatever the offset, and pads what is missing."""

    def read_into(self, offset: int, buffer: memoryview) -> int:
        self._blob.read_into(0, buffer)
        return len(buffer)


class WriteOnce(ChangedBlob):
    def write(self, offset: int, data: memoryview) -> None:
        if self._blob.read_into(offset, memoryview(bytearray(1))) == 0 or offset:
            self._blob.write(offset, data)

    def seal(self, start: int, end: int) -> str:
        return f"place of {start}"


class Unclosable(ChangedBlob):
    def close(self) -> None:
        pass


class Unsealable(ChangedBlob):
    def seal(self, start: int, end: int) -> str:
        assert end > start, "nothing to seal"
        return self._blob.seal(start, end)


class Cached(ChangedBlob):
    """Reads what was there when it was opened."""

    def __init__(self, blob: Blob) -> None:
        super().__init__(blob)
        buffer = bytearray(100)
        self._content = bytes(buffer[: blob.read_into(0, memoryview(buffer))])

    def read_into(self, offset: int, buffer: memoryview) -> int:
        data = self._content[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        return len(data)


class Frozen(ChangedBlob):
    """Never replaces bytes that it has."""

    def write(self, offset: int, data: memoryview) -> None:
        if self._blob.read_into(offset, memoryview(bytearray(1))) == 0:
            self._blob.write(offset, data)


def store_of(change: Callable[[Blob], Any]) -> Callable[[], UploadStore]:
    class Changed(MemoryUploadStore):
        async def open(self, blob_id: str, extents: Sequence[Extent]) -> Blob:
            blob: Blob = change(await super().open(blob_id, extents))
            return blob

    return Changed


class Nameless(MemoryUploadStore):
    """Has another identity each time."""

    @property
    def identity(self) -> str:
        return str(uuid4())

    @identity.setter
    def identity(self, value: str) -> None:
        pass


UPLOAD_STORES = [
    Broken(UploadStoreContract, rule, {"store": store}, raises=ANY)
    for rule, store in (
        ("test_a_blob_of_unknown_size_grows", store_of(Shifted)),
        ("test_bytes_come_back_as_they_were_written", store_of(Shifted)),
        ("test_no_extent_has_a_place", store_of(WriteOnce)),
        ("test_a_closed_blob_refuses_and_closes_again", store_of(Unclosable)),
        ("test_sealing_nothing_checks_the_blob", store_of(Unsealable)),
        ("test_two_open_blobs_see_the_same_bytes", store_of(Cached)),
        ("test_later_bytes_replace_earlier_ones_until_they_are_sealed", store_of(Frozen)),
        ("test_a_store_keeps_its_identity", Nameless),
        ("test_both_instances_have_one_identity", Nameless),
    )
]


class OwnersMixed(MemoryCatalogue):
    async def add(self, document: NewDocument, jobs: Sequence[JobKind], **options: Any) -> Document:
        for other in self._documents.values():
            if options.get("unique") and other.sha256 == document.sha256:
                return other
        return await super().add(document, jobs, **options)


CATALOGUES = [
    Broken(
        CatalogueContract,
        "test_equal_documents_of_other_owners_or_without_digest_are_others",
        {"catalogue": OwnersMixed},
    )
]


def opened(make: Callable[[], Any]) -> dict[str, Callable[[], Any]]:
    """Return the fixture of a store that is empty again whenever it is opened."""

    def reopen() -> Callable[[], AbstractAsyncContextManager[Any]]:
        return lambda: nullcontext(make())

    return {"reopen": reopen}


VOLATILE = [
    Broken(contract, rule, opened(make), raises=ANY)
    for contract, make, names in (
        (
            SessionStoreContract,
            MemorySessionStore,
            (
                "test_sessions_are_there_after_opening_again",
                "test_idle_time_counts_on_after_opening_again",
            ),
        ),
        (
            UploadStoreContract,
            MemoryUploadStore,
            (
                "test_blobs_are_there_after_opening_again",
                "test_an_upload_continues_after_opening_again",
                "test_quarantine_is_there_after_opening_again",
            ),
        ),
        (
            CatalogueContract,
            MemoryCatalogue,
            (
                "test_documents_are_there_after_opening_again",
                "test_what_is_deleted_stays_so_after_opening_again",
                "test_jobs_are_there_after_opening_again",
            ),
        ),
    )
    for rule in names
]


class Padding(MemoryObjectStore):
    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        return max(super().read_into(name, offset, buffer), len(buffer))


class Text(MemoryObjectStore):
    """Takes bytes for text."""

    def put(self, name: str, data: memoryview) -> None:
        super().put(name, memoryview(bytes(data).replace(b"\r\n", b"\n")))


class LastPart(MemoryObjectStore):
    def put_parts(self, name: str, parts: Any) -> None:
        for part in parts:
            super().put(name, memoryview(part))


class Lenient(MemoryObjectStore):
    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        try:
            return super().read_into(name, offset, buffer)
        except NotFound:
            return 0


class Linking(MemoryObjectStore):
    """A copy is another name of its source."""

    def __init__(self) -> None:
        super().__init__()
        self._links: dict[str, str] = {}

    def copy(self, source: str, target: str) -> None:
        self._links[target] = source

    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        return super().read_into(self._links.get(name, name), offset, buffer)


class Strict(MemoryObjectStore):
    """Does not delete what is not there."""

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            if self.size(name) is None:
                raise NotFound(f"There is no object {name}.")
        super().delete(names)


class Prefixes(MemoryObjectStore):
    """Lists the names that begin with that of the folder."""

    def list(self, folder: str) -> Sequence[ObjectInfo]:
        every = super().list("uploads")
        return [item for item in every if item.name.startswith(folder)]


OBJECT_STORES = [
    Broken(ObjectStoreContract, rule, {"objects": objects}, raises=ANY)
    for rule, objects in (
        ("test_an_object_is_read_as_it_was_stored", Padding),
        ("test_an_object_has_any_bytes", Text),
        ("test_an_object_is_stored_in_parts", LastPart),
        ("test_parts_that_break_off_store_nothing", LastPart),
        ("test_what_is_not_there_is_not_found", Lenient),
        ("test_a_copy_stays_when_its_source_goes", Linking),
        ("test_many_objects_are_deleted", Strict),
        ("test_a_folder_is_listed", Prefixes),
    )
]
OBJECT_STORES.append(
    Broken(
        ObjectStoreContract,
        "test_objects_are_there_after_opening_again",
        {"objects": MemoryObjectStore, "another": MemoryObjectStore},
        raises=ANY,
    )
)

ROWS = [*SESSION_STORES, *UPLOAD_STORES, *CATALOGUES, *VOLATILE, *OBJECT_STORES]
globals().update(suites(ROWS, __name__))


def test_each_rule_of_object_stores_is_broken_by_a_part() -> None:
    assert {row.rule for row in OBJECT_STORES} == rules(ObjectStoreContract)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize(
    ("contract", "fixture", "make"),
    [
        (SessionStoreContract, "store", MemorySessionStore),
        (UploadStoreContract, "store", MemoryUploadStore),
        (CatalogueContract, "catalogue", MemoryCatalogue),
    ],
)
def test_each_rule_of_a_store_is_broken_by_a_store(
    contract: type, fixture: str, make: Callable[[], Any]
) -> None:
    """By one of those above, or by one that is made from the double."""
    assert all(holds(contract, rule, {fixture: make}) for rule in rules(contract))
    broken = {row.rule for row in ROWS if row.contract is contract}
    assert unbroken(contract, fixture, make) <= broken
