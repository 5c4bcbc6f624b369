"""What every upload store must do that clients can reach themselves."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol
from urllib.parse import urlsplit

import pytest
import xxhash

from pdfsluice.core import (
    Blob,
    Extent,
    NotFound,
    ProtocolError,
    ReachableStore,
    SizeExceeded,
    Ticket,
    UploadStore,
)

from .asynchronous import AsyncContract
from .upload_store_basics import NOT_IDS, content_of, new_id, partial_ids, read

Send = Callable[[Ticket, bytes], Awaitable[int]]

DATA = b"%PDF-1.7\r\n\0 sent by a client itself"
_LIFETIME = timedelta(minutes=5)
_SHORT_LIFETIME = timedelta(seconds=1)
_MAX_LATENESS = timedelta(seconds=1)
_TIMEOUT_SECONDS = 30
_SUCCESSES = range(200, 300)


class ReachableUploadStore(UploadStore, ReachableStore, Protocol):
    """An upload store with the further methods."""


def _put(ticket: Ticket, data: bytes) -> int:
    headers = {"Content-Type": "application/octet-stream", **ticket.headers}
    request = urllib.request.Request(ticket.url, data, headers, method="PUT")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


class ReachableStoreContract(AsyncContract):
    """The tests of an upload store that is a :class:`~pdfsluice.core.ReachableStore`.

    Override ``store`` with a fixture that returns an empty store, and ``secrets`` with what must
    not be part of a ticket. Override ``send``, too, if tickets are no addresses of HTTP. Links
    are tested by ``LinkSignerContract``, with the store as the signer.
    """

    @pytest.fixture
    def store(self) -> ReachableUploadStore:
        raise NotImplementedError("override the fixture 'store'")

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        """The secrets of the store."""
        raise NotImplementedError("override the fixture 'secrets'")

    @pytest.fixture
    def send(self) -> Send:
        """Sends bytes with a ticket, as a client does; returns the status of the answer."""

        async def put(ticket: Ticket, data: bytes) -> int:
            return await asyncio.to_thread(_put, ticket, data)

        return put

    async def test_a_ticket_is_an_address_without_secrets(
        self, store: ReachableUploadStore, secrets: Sequence[str]
    ) -> None:
        expires_at = datetime.now(UTC) + _LIFETIME
        ticket = await store.ticket(new_id(), 0, 10, expires_at)
        assert ticket is not None
        assert ticket.url.isascii()
        assert ticket.url.isprintable()
        assert urlsplit(ticket.url).scheme
        assert ticket.expires_at <= expires_at
        texts = (ticket.url, *ticket.headers, *ticket.headers.values())
        assert secrets
        assert not [secret for secret in secrets if any(secret in text for text in texts)]

    async def test_what_a_client_sends_becomes_part_of_the_file(
        self, store: ReachableUploadStore, send: Send
    ) -> None:
        blob_id, half = new_id(), len(DATA) // 2
        blob = await store.create(blob_id, len(DATA))
        extents = []
        for slot, (start, end) in enumerate([(half, len(DATA)), (0, half)]):
            await _sent(store, send, blob_id, slot, DATA[start:end])
            assert await store.adopt(blob_id, slot, start, end)
            assert await asyncio.to_thread(read, blob, start, end - start) == DATA[start:end]
            extents.append(await _sealed(blob, start, end))
            await store.clear(blob_id, slot)
        await asyncio.to_thread(blob.close)
        await store.publish(blob_id, extents, sha256(DATA).hexdigest())
        assert await content_of(store, blob_id) == DATA

    async def test_nothing_is_adopted_where_nothing_waits(
        self, store: ReachableUploadStore, send: Send
    ) -> None:
        blob_id = new_id()
        blob = await store.create(blob_id, len(DATA))
        assert not await store.adopt(blob_id, 0, 0, len(DATA))
        await store.clear(blob_id, 0)
        await _sent(store, send, blob_id, 0, DATA)
        assert not await store.adopt(blob_id, 1, 0, len(DATA))
        await store.clear(blob_id, 1)
        assert await store.adopt(blob_id, 0, 0, len(DATA))
        await store.clear(blob_id, 0)
        assert not await store.adopt(blob_id, 0, 0, len(DATA))
        await asyncio.to_thread(blob.close)

    async def test_what_waits_does_not_count(self, store: ReachableUploadStore, send: Send) -> None:
        blob_id = new_id()
        blob = await store.create(blob_id, len(DATA))
        await _sent(store, send, blob_id, 0, DATA)
        assert await asyncio.to_thread(read, blob, 0, len(DATA)) == b""
        await asyncio.to_thread(blob.close)
        assert list(await store.published_ids()) == []

    async def test_sending_again_replaces_what_waits(
        self, store: ReachableUploadStore, send: Send
    ) -> None:
        blob_id = new_id()
        blob = await store.create(blob_id, len(DATA))
        for data in (bytes(len(DATA)), DATA):
            await _sent(store, send, blob_id, 0, data)
        assert await store.adopt(blob_id, 0, 0, len(DATA))
        assert await asyncio.to_thread(read, blob, 0, len(DATA)) == DATA
        await asyncio.to_thread(blob.close)

    @pytest.mark.parametrize("is_sealed", [False, True])
    async def test_a_ticket_used_again_changes_nothing_that_counts(
        self, store: ReachableUploadStore, send: Send, *, is_sealed: bool
    ) -> None:
        """The client sends other bytes before its chunk is sealed, or after that."""
        blob_id, other = new_id(), bytes(len(DATA))
        blob = await store.create(blob_id, len(DATA))
        ticket = await _sent(store, send, blob_id, 0, DATA)
        assert await store.adopt(blob_id, 0, 0, len(DATA))
        if not is_sealed:
            await send(ticket, other)
        extent = await _sealed(blob, 0, len(DATA))
        await send(ticket, other)
        assert await asyncio.to_thread(read, blob, 0, len(DATA)) == DATA
        await asyncio.to_thread(blob.close)
        await store.publish(blob_id, [extent], sha256(DATA).hexdigest())
        await send(ticket, other)
        assert await content_of(store, blob_id) == DATA

    @pytest.mark.parametrize("excess", [-1, 1])
    async def test_another_length_is_refused(
        self, store: ReachableUploadStore, send: Send, excess: int
    ) -> None:
        """By the store itself, or when the bytes are to be adopted."""
        blob_id, length = new_id(), len(DATA) - excess
        blob = await store.create(blob_id, length)
        ticket = await _ticket(store, blob_id, 0, length)
        if await send(ticket, DATA) in _SUCCESSES:
            with pytest.raises(SizeExceeded if excess > 0 else ProtocolError):
                await store.adopt(blob_id, 0, 0, length)
        assert not await store.adopt(blob_id, 0, 0, length)
        await asyncio.to_thread(blob.close)

    async def test_uploads_are_apart(self, store: ReachableUploadStore, send: Send) -> None:
        mine, other = new_id(), new_id()
        blob = await store.create(mine, len(DATA))
        await _sent(store, send, other, 0, DATA)
        assert not await store.adopt(mine, 0, 0, len(DATA))
        await store.clear(mine, 0)
        await asyncio.to_thread(blob.close)
        assert list(await partial_ids(store)) == [other]

    async def test_what_waits_is_deleted_with_its_upload(
        self, store: ReachableUploadStore, send: Send
    ) -> None:
        discarded, removed = new_id(), new_id()
        for blob_id in (discarded, removed):
            await _sent(store, send, blob_id, 3, DATA)
        assert set(await partial_ids(store)) == {discarded, removed}
        await store.discard(discarded)
        await store.remove(removed)
        assert list(await partial_ids(store)) == []

    async def test_a_ticket_ends(self, store: ReachableUploadStore, send: Send) -> None:
        ticket = await store.ticket(new_id(), 0, len(DATA), datetime.now(UTC) + _SHORT_LIFETIME)
        assert ticket is not None
        await asyncio.sleep((_SHORT_LIFETIME + _MAX_LATENESS).total_seconds())
        assert await send(ticket, DATA) not in _SUCCESSES

    async def test_other_ids_are_refused(self, store: ReachableUploadStore) -> None:
        for blob_id in NOT_IDS:
            with pytest.raises(NotFound):
                await store.ticket(blob_id, 0, 1, datetime.now(UTC) + _LIFETIME)
            with pytest.raises(NotFound):
                await store.adopt(blob_id, 0, 0, 1)
            with pytest.raises(NotFound):
                await store.clear(blob_id, 0)


async def _ticket(store: ReachableUploadStore, blob_id: str, slot: int, length: int) -> Ticket:
    ticket = await store.ticket(blob_id, slot, length, datetime.now(UTC) + _LIFETIME)
    assert ticket is not None, "it gives tickets"
    return ticket


async def _sent(
    store: ReachableUploadStore, send: Send, blob_id: str, slot: int, data: bytes
) -> Ticket:
    """Send bytes to a slot; return the ticket."""
    ticket = await _ticket(store, blob_id, slot, len(data))
    assert await send(ticket, data) in _SUCCESSES
    return ticket


async def _sealed(blob: Blob, start: int, end: int) -> Extent:
    """Seal adopted bytes; return the extent to commit."""

    def seal() -> Extent:
        content = read(blob, start, end - start)
        return Extent(start, end, xxhash.xxh3_128_hexdigest(content), blob.seal(start, end))

    return await asyncio.to_thread(seal)
