"""Chunks that clients send to the store themselves, and clients that change them."""

import hashlib
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.errors import (
    ChecksumMismatch,
    ContentRejected,
    DirectUploadUnavailable,
    NotInStore,
    OffsetConflict,
    ProtocolError,
    RateLimited,
    SizeExceeded,
)
from pdfsluice.core.models.sessions import Checksum, ChunkIntent, Session, SessionState
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.links import Ticket
from pdfsluice.core.plugins.ports.stages import GateSpec
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.direct_bucket import DirectBucket
from tests.support.runtimes import a_runtime, initiate, send, send_all
from tests.support.waiting import until

CHUNK = 65_536
DATA = bytes(range(256)) * 900
EVIL = bytes(reversed(DATA))
SETTINGS: dict[str, Any] = {"upload_store": "bucket", "chunk_size": CHUNK, "direct_uploads": True}


def chunk_of(session: Session, number: int, data: bytes = DATA, **changes: Any) -> ChunkIntent:
    start, size = number * session.chunk_size, session.chunk_size
    length = len(data[start : start + size])
    intent = ChunkIntent(offset=start, length=length, max_length=length, chunk_id=number)
    return replace(intent, **changes)


def piece(data: bytes, number: int) -> bytes:
    return data[number * CHUNK : (number + 1) * CHUNK]


def sha256(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).digest())


async def ticket_for(runtime: Runtime, session: Session, number: int) -> Ticket:
    return await runtime.uploads.direct.ticket(LOCAL, session.id, chunk_of(session, number))


async def commit(runtime: Runtime, session: Session, number: int, **changes: Any) -> Session:
    chunk = chunk_of(session, number, **changes)
    return (await runtime.uploads.direct.commit(LOCAL, session.id, chunk)).session


async def send_directly(
    runtime: Runtime, bucket: DirectBucket, session: Session, number: int, data: bytes = DATA
) -> Ticket:
    """Send one chunk to the store and commit it."""
    ticket = await ticket_for(runtime, session, number)
    bucket.send(ticket, piece(data, number))
    await commit(runtime, session, number, checksum=sha256(piece(data, number)))
    return ticket


async def published(runtime: Runtime, bucket: DirectBucket, session: Session) -> bytes:
    """Complete an upload; return its document, which is what the stages saw."""
    done = await runtime.uploads.complete(LOCAL, session.id)
    (name,) = bucket.names("documents")
    content = bucket.objects[name][0]
    assert hashlib.sha256(content).hexdigest() == done.document.sha256
    assert bucket.names("uploads") == []
    return content


async def test_chunks_come_in_any_order_and_by_both_ways(tmp_path: Path) -> None:
    bucket = DirectBucket()
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        session = await initiate(runtime, DATA)
        await send_directly(runtime, bucket, session, 2)
        await send(runtime, session, DATA, 0)
        await send_directly(runtime, bucket, session, 3)
        await send_directly(runtime, bucket, session, 1)
        assert [name for name in bucket.names("uploads") if "direct" in name] == []
        assert len(bucket.names("uploads")) == 4  # each byte was stored once more by the store
        assert await published(runtime, bucket, session) == DATA


MOMENTS = [
    "before commit",
    "before copy",
    "after copy",
    "read",
    "after commit",
    "scan after a restart",
    "publish",
]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_reused_ticket_changes_nothing_that_counts(tmp_path: Path, moment: str) -> None:
    """What is published is what the stages saw, with the bytes of one moment before the copy."""
    bucket = DirectBucket()
    early = moment in {"before commit", "before copy"}
    hooked = moment in {"before copy", "after copy", "read", "publish"}
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        session = await initiate(runtime, DATA)
        await send_directly(runtime, bucket, session, 0)
        ticket = await ticket_for(runtime, session, 1)
        bucket.send(ticket, piece(DATA, 1))

        def attack() -> None:
            bucket.send(ticket, piece(EVIL, 1))

        if moment == "before commit":
            attack()
        with bucket.attacked(moment, attack) if hooked and moment != "publish" else nullcontext():
            await commit(runtime, session, 1)
        if moment == "after commit":
            attack()
        for number in (2, 3):
            await send_directly(runtime, bucket, session, number)
        if moment != "scan after a restart":
            with bucket.attacked(moment, attack) if moment == "publish" else nullcontext():
                content = await published_but(runtime, bucket, session)
    if moment == "scan after a restart":
        async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
            with bucket.attacked("read", attack):
                content = await published_but(runtime, bucket, session)
    expected = DATA[:CHUNK] + piece(EVIL if early else DATA, 1) + DATA[2 * CHUNK :]
    assert content == expected


async def published_but(runtime: Runtime, bucket: DirectBucket, session: Session) -> bytes:
    """Complete an upload, and leave what a late ticket wrote to the next sweep."""
    done = await runtime.uploads.complete(LOCAL, session.id)
    (name,) = bucket.names("documents")
    content = bucket.objects[name][0]
    assert hashlib.sha256(content).hexdigest() == done.document.sha256
    return content


async def test_what_a_late_ticket_wrote_is_swept(tmp_path: Path) -> None:
    bucket = DirectBucket()
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        session = await initiate(runtime, DATA)
        for number in range(4):
            late = await send_directly(runtime, bucket, session, number)
        assert await published(runtime, bucket, session) == DATA
        bucket.send(late, piece(EVIL, 3))
        other = await initiate(runtime, EVIL)
        unused = await ticket_for(runtime, other, 0)
        await runtime.uploads.cancel(LOCAL, other.id)
        bucket.send(unused, piece(EVIL, 0))
        assert len(bucket.names("uploads")) == 2
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        assert bucket.names("uploads") == []
        assert len(bucket.names("documents")) == 1


async def test_a_commit_can_be_repeated(tmp_path: Path) -> None:
    bucket = DirectBucket()
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        session = await initiate(runtime, DATA)
        with pytest.raises(NotInStore):
            await commit(runtime, session, 0)
        ticket = await send_directly(runtime, bucket, session, 0)
        again = await commit(runtime, session, 0, checksum=sha256(piece(DATA, 0)))
        assert again.committed.ranges == ((0, CHUNK),)
        with pytest.raises(ChecksumMismatch):
            await commit(runtime, session, 0, checksum=sha256(b"other"))
        bucket.send(ticket, piece(EVIL, 0))
        await commit(runtime, session, 0, checksum=sha256(piece(DATA, 0)))
        await send_all(runtime, session, DATA)
        assert await published(runtime, bucket, session) == DATA


async def test_a_wrong_checksum_commits_nothing(tmp_path: Path) -> None:
    bucket = DirectBucket()
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        session = await initiate(runtime, DATA)
        ticket = await ticket_for(runtime, session, 0)
        bucket.send(ticket, piece(EVIL, 0))
        with pytest.raises(ChecksumMismatch):
            await commit(runtime, session, 0, checksum=sha256(piece(DATA, 0)))
        assert not (await runtime.uploads.get(LOCAL, session.id)).committed
        await send_all(runtime, session, DATA)  # nothing of the attempt is mistaken for these
        assert await published(runtime, bucket, session) == DATA


@pytest.mark.parametrize(("size", "error"), [(CHUNK + 1, SizeExceeded), (CHUNK - 1, ProtocolError)])
async def test_another_length_is_deleted(
    tmp_path: Path, size: int, error: type[ProtocolError | SizeExceeded]
) -> None:
    bucket = DirectBucket()
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        session = await initiate(runtime, DATA)
        bucket.send(await ticket_for(runtime, session, 0), DATA[:size])
        with pytest.raises(error, match=str(size)):
            await commit(runtime, session, 0)
        assert bucket.names("uploads") == []
        assert not (await runtime.uploads.get(LOCAL, session.id)).committed


async def test_the_rest_of_a_chunk_has_a_ticket_too(tmp_path: Path) -> None:
    bucket = DirectBucket()
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        session = await initiate(runtime, DATA)
        first: dict[str, Any] = {"offset": 0, "length": 1000, "max_length": 1000}
        rest: dict[str, Any] = {"offset": 1000, "length": CHUNK - 1000, "max_length": CHUNK - 1000}
        for part in (first, rest):
            chunk = chunk_of(session, 0, **part)
            ticket = await runtime.uploads.direct.ticket(LOCAL, session.id, chunk)
            bucket.send(ticket, DATA[chunk.offset : chunk.end])
            if part is first:
                whole = await ticket_for(runtime, session, 0)
            await runtime.uploads.direct.commit(LOCAL, session.id, chunk)
            if part is first:
                bucket.send(whole, piece(DATA, 0))
                with pytest.raises(OffsetConflict, match="committed already"):
                    await commit(runtime, session, 0)
        for number in (1, 2, 3):
            await send_directly(runtime, bucket, session, number)
        assert await published(runtime, bucket, session) == DATA


async def test_a_dangerous_file_is_refused_while_it_arrives(tmp_path: Path) -> None:
    bucket = DirectBucket()
    data = DATA[:100] + b"FORBIDDEN" + DATA[109:]
    async with a_runtime(tmp_path, bucket, **SETTINGS) as runtime:
        session = await initiate(runtime, data)
        await send_directly(runtime, bucket, session, 0, data)
        await until(lambda: is_refused(runtime, session))
        with pytest.raises(ContentRejected):
            await ticket_for(runtime, session, 1)
        with pytest.raises(ContentRejected):
            await runtime.uploads.complete(LOCAL, session.id)
        assert bucket.names("documents") == []


async def is_refused(runtime: Runtime, session: Session) -> bool:
    return (await runtime.uploads.get(LOCAL, session.id)).state is SessionState.REJECTED


class Closed:
    """A plugin whose gate admits nothing."""

    @hookimpl
    def pdfsluice_register_gates(self, context: PluginContext) -> list[GateSpec]:
        del context
        return [GateSpec(name="closed", gate=self)]

    def admit(self, session: Session, chunk: ChunkIntent) -> Any:
        del session, chunk
        raise RateLimited("not now", retry_after=1)


async def test_gates_hold_for_these_chunks(tmp_path: Path) -> None:
    bucket = DirectBucket()
    async with a_runtime(tmp_path, bucket, Closed(), **SETTINGS) as runtime:
        session = await initiate(runtime, DATA)
        bucket.send(await ticket_for(runtime, session, 0), piece(DATA, 0))
        with pytest.raises(RateLimited):
            await commit(runtime, session, 0)
        assert len(bucket.names("uploads")) == 1  # what waits; it was neither copied nor read


@pytest.mark.parametrize(
    "settings", [{"upload_store": "local"}, {"direct_uploads": False}], ids=["store", "setting"]
)
async def test_a_store_without_tickets_is_reported(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    async with a_runtime(tmp_path, DirectBucket(), **SETTINGS | settings) as runtime:
        session = await initiate(runtime, DATA)
        with pytest.raises(DirectUploadUnavailable, match="store") as caught:
            await ticket_for(runtime, session, 0)
        assert "Send the chunk to the server" in caught.value.hint
