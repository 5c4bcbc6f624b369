"""Concatenations that are repeated, doubled, or broken off at each of their steps."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.errors import ProtocolError, StorageFull
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.testing.memory_objects import MemoryObjectStore
from pdfsluice.core.uploads.creating import Initiation
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.nodes import FAST, SharedObjects, nodes
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.shares import share

DATA = random.Random(1).randbytes(300_000)
PIECES = (DATA[:1], DATA[1:100_000], DATA[100_000:])
WHOLE = Initiation(filename="whole.pdf", total_size=None)


class Crash(BaseException):
    """Ends a request where no handler expects it, as the death of the process would."""


@asynccontextmanager
async def with_parts(folder: Path) -> AsyncIterator[tuple[Runtime, list[str]]]:
    async with a_runtime(folder) as runtime:
        ids: list[str] = []
        for piece in PIECES:
            part = await initiate(runtime, piece, partial=True)
            await send_all(runtime, part, piece)
            ids.append(part.id)
        yield runtime, ids


async def document_digest(runtime: Runtime, whole: Session) -> str:
    done = await runtime.uploads.complete(LOCAL, whole.id)
    return done.document.sha256


async def test_repeating_it_leads_to_the_same_upload(tmp_path: Path) -> None:
    async with with_parts(tmp_path) as (runtime, ids):
        first = await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
        assert (await runtime.uploads.concatenate(LOCAL, WHOLE, ids)).id == first.id
        assert await document_digest(runtime, first) == hashlib.sha256(DATA).hexdigest()
        again = await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
        assert (again.id, again.state) == (first.id, SessionState.COMPLETED)


async def test_two_at_a_time_make_one_upload(tmp_path: Path) -> None:
    async with with_parts(tmp_path) as (runtime, ids):
        made = await asyncio.gather(
            *(runtime.uploads.concatenate(LOCAL, WHOLE, ids) for _ in range(3))
        )
        assert len({session.id for session in made}) == 1
        assert await document_digest(runtime, made[0]) == hashlib.sha256(DATA).hexdigest()


async def test_a_change_of_another_field_of_a_part_is_no_conflict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that closes a part stores what it has measured."""
    update, changed = SqlSessionStore.update, list[str]()

    async def late(store: SqlSessionStore, session: Session, **changes: Any) -> Session:
        if "joined_into" in changes and not changed:
            changed.append(session.id)
            await update(store, session, client_id="another device")
        return await update(store, session, **changes)

    async with with_parts(tmp_path) as (runtime, ids):
        monkeypatch.setattr(SqlSessionStore, "update", late)
        whole = await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
        assert changed == [min(ids)]
        assert await document_digest(runtime, whole) == hashlib.sha256(DATA).hexdigest()


async def test_parts_serve_once(tmp_path: Path) -> None:
    async with with_parts(tmp_path) as (runtime, ids):
        await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
        with pytest.raises(ProtocolError):
            await runtime.uploads.concatenate(LOCAL, WHOLE, ids[:2])


@pytest.mark.long
@pytest.mark.parametrize("restart", share([True, False], every=2))
@pytest.mark.parametrize(
    ("owner", "method", "calls"),
    [
        ("_sessions", "commit", 2),
        ("_sessions", "update", 1),
        ("_sessions", "update", 3),
        ("_uploads", "concatenate", 0),
        ("_uploads", "concatenate", 1),
        ("_sessions", "update", 4),
        ("_uploads", "remove", 1),
        ("_sessions", "update", 6),
    ],
)
async def test_broken_off_and_repeated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: str,
    method: str,
    calls: int,
    *,
    restart: bool,
) -> None:
    """It dies after some calls of a store's method, and is asked for again."""
    async with with_parts(tmp_path) as (runtime, ids):
        store = getattr(runtime.uploads, owner)
        real, done = getattr(store, method), 0

        async def crashing(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            if done == calls:
                raise Crash
            result = await real(*args, **kwargs)
            done += 1
            if done == calls:
                raise Crash
            return result

        with monkeypatch.context() as patch:
            patch.setattr(store, method, crashing)
            with pytest.raises(Crash):
                await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
        if not restart:
            whole = await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
            assert await document_digest(runtime, whole) == hashlib.sha256(DATA).hexdigest()
            return
    async with a_runtime(tmp_path) as runtime:
        whole = await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
        assert await document_digest(runtime, whole) == hashlib.sha256(DATA).hexdigest()


async def test_a_full_disk_leaves_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with with_parts(tmp_path) as (runtime, ids):

        async def full(*_: object) -> None:
            raise StorageFull("no space is left")

        with monkeypatch.context() as patch:
            patch.setattr(runtime.uploads._uploads, "concatenate", full)
            with pytest.raises(StorageFull):
                await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
        whole = await runtime.uploads.concatenate(LOCAL, WHOLE, ids)
        assert await document_digest(runtime, whole) == hashlib.sha256(DATA).hexdigest()


@asynccontextmanager
async def two_nodes(folder: Path, *, objects: bool) -> AsyncIterator[list[Runtime]]:
    """Open two nodes with one folder, or with folders of their own and one object store."""
    if not objects:
        async with nodes(folder, intervals=FAST) as both:
            yield both
        return
    store = MemoryObjectStore()
    settings: dict[str, Any] = {"state_dir": folder / "state", "upload_store": "objects"}
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                a_runtime(
                    folder / name,
                    SharedObjects(store, folder / name / "copies"),
                    intervals=FAST,
                    node=NodeIdentity(shared=True),
                    **settings,
                )
            )
            for name in ("a", "b")
        ]


@pytest.mark.parametrize("objects", [False, True], ids=["one folder", "object store"])
async def test_two_nodes_that_join_the_same_parts_make_one_upload(
    tmp_path: Path, *, objects: bool
) -> None:
    async with two_nodes(tmp_path, objects=objects) as both:
        for number in range(3):
            ids = []
            for piece in PIECES:
                part = await initiate(both[0], piece, partial=True)
                await send_all(both[0], part, piece)
                ids.append(part.id)
            joined = await asyncio.gather(
                *(node.uploads.concatenate(LOCAL, WHOLE, ids) for node in both * 2)
            )
            assert len({whole.id for whole in joined}) == 1, number
            assert not joined[0].partial
            done = await both[1].uploads.complete(LOCAL, joined[0].id)
            assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
            for part_id in ids:
                ended = await both[0].uploads.get(LOCAL, part_id)
                assert ended.state is SessionState.CANCELLED
        states = [SessionState.CREATED, SessionState.UPLOADING]
        assert await both[0].uploads._sessions.count(states) == 0, "the loser drops its upload"
