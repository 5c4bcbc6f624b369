"""Two nodes over one database and one folder: any of them takes any chunk."""

import asyncio
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core import (
    AuthenticationError,
    ContentRejected,
    Credentials,
    Event,
    EventSinkSpec,
    FindingsReported,
    OffsetConflict,
    PluginContext,
    Scope,
    Session,
    SessionEnded,
    SessionState,
    UploadProgress,
    UploadStatus,
    hookimpl,
)
from pdfsluice.core.errors import DigestMismatch, Preempted
from pdfsluice.core.plugins.ports.quotas import QuotaLimits
from pdfsluice.core.plugins.ports.rates import RateLimits
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.testing.memory_objects import MemoryObjectStore
from pdfsluice.core.uploads.holding import HoldingIntervals
from pdfsluice.core.uploads.limits.pacing import Rates
from pdfsluice.plugins import api_keys
from pdfsluice.plugins.api_keys.keys import revoking
from tests.support.keys import add_key, change_keys
from tests.support.nodes import CHUNK, DATA, FAST, SLOW, SharedObjects, ignore, nodes
from tests.support.runtimes import Bytes, Watchman, a_runtime, initiate, send
from tests.support.waiting import until


async def test_chunks_of_one_upload_come_to_any_node(tmp_path: Path) -> None:
    watchmen = [Watchman(), Watchman()]
    async with nodes(tmp_path, watchmen=watchmen) as (first, second):
        session = await initiate(first, DATA)
        for chunk in range(4):
            node = (second, first)[chunk % 2]
            after = await send(node, session, DATA, chunk)
            assert after.committed.size == (chunk + 1) * CHUNK
            for other in (first, second):
                seen = await other.uploads.get(LOCAL, session.id)
                assert seen.committed == after.committed
        completion = await second.uploads.complete(LOCAL, session.id)
        assert completion.document is not None
        again = await first.uploads.complete(LOCAL, session.id)
        assert again.document == completion.document
        assert [sum(size for _, size in each.feeds) for each in watchmen] == [0, len(DATA)]
        (stored,) = (tmp_path / "documents").rglob("*.pdf")
        assert stored.read_bytes() == DATA


async def test_what_another_node_receives_during_a_start_is_kept(tmp_path: Path) -> None:
    """The first node looks for lost bytes while another one receives some."""
    async with nodes(tmp_path) as (first, second):
        uploads = first.sweeper._uploads
        orphans, begun = uploads.orphans, list[Session]()

        async def list_and_begin(older_than: timedelta) -> Sequence[str]:
            ids = await orphans(older_than)
            if not begun:
                begun.append(await initiate(second, DATA))
                await send(second, begun[0], DATA, 0)
            return ids

        uploads.orphans = list_and_begin  # type: ignore[method-assign]
        await first.sweeper.reconcile(sole_store=True)
        assert (await first.uploads.get(LOCAL, begun[0].id)).committed.size == CHUNK


async def test_the_node_to_which_the_first_bytes_come_holds_an_upload(tmp_path: Path) -> None:
    async with nodes(tmp_path, intervals=FAST) as (first, second):
        review, reviews = first.cluster.review, []

        async def reviewed(validated: Mapping[str, int], others: Collection[str]) -> Any:
            reviews.append(others)
            return await review(validated, others)

        session = await initiate(first, DATA)
        idle = await initiate(first, DATA)
        await send(second, session, DATA, 0)
        first.cluster.review = reviewed  # type: ignore[method-assign]
        await until(lambda: len(reviews) > 1)  # the node that opened both looks at their rows
        assert [await uploads_held(node) for node in (first, second)] == [0, 1]
        await send(first, session, DATA, 1)
        await send(first, idle, DATA, 0)
        assert [await uploads_held(node) for node in (first, second)] == [1, 1]


async def test_a_node_does_not_open_what_another_one_completes(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        session = await initiate(first, DATA)
        for chunk in range(4):
            await send(first, session, DATA, chunk)
        session = await second.uploads.start_completion(LOCAL, session.id)
        assert session.state is SessionState.VALIDATING
        assert second.uploads._open_uploads.peek(session.id) is None
        assert (await second.uploads.complete(LOCAL, session.id)).document is not None


async def test_a_holder_does_not_complete_what_another_node_has_cancelled(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        second.cluster.notify = ignore  # type: ignore[method-assign]
        session = await initiate(first, DATA)
        for chunk in range(4):
            await send(first, session, DATA, chunk)
        await second.uploads.cancel(LOCAL, session.id)
        with pytest.raises(SessionEnded):
            await first.uploads.complete(LOCAL, session.id)


async def uploads_held(node: Runtime) -> int:
    (row,) = [each for each in await node.cluster.nodes() if each.id == node.cluster.node]
    return row.uploads


async def test_a_key_that_is_made_or_revoked_counts_at_both_nodes(tmp_path: Path) -> None:
    async with nodes(tmp_path, 2, api_keys) as both:
        header = await asyncio.to_thread(add_key, tmp_path, "ann", [Scope.READ])
        fields = {name.lower(): value for name, value in header.items()}
        credentials = Credentials(headers=fields, query={}, remote="::1")
        for node in both:
            assert (await node.authenticate(credentials)).name == "ann"
            assert node.authentication_required
        await asyncio.to_thread(change_keys, tmp_path, revoking("ann", datetime.now(UTC)))

        async def refused() -> bool:
            outcomes = await asyncio.gather(
                *(node.authenticate(credentials) for node in both), return_exceptions=True
            )
            return all(isinstance(each, AuthenticationError) for each in outcomes)

        await until(refused, seconds=2)


async def test_the_holder_refuses_what_came_to_another_node(tmp_path: Path) -> None:
    evil = DATA[:CHUNK] + b"FORBIDDEN" + DATA[CHUNK + 9 :]
    async with nodes(tmp_path) as (first, second):
        session = await initiate(first, evil)
        await send(second, session, evil, 0)
        await send(second, session, evil, 1)

        async def refused() -> bool:
            state = (await second.uploads.get(LOCAL, session.id)).state
            return state is SessionState.REJECTED

        await until(refused)
        with pytest.raises(ContentRejected):
            await send(second, session, evil, 2)
        with pytest.raises(ContentRejected):
            await first.uploads.complete(LOCAL, session.id)
        assert not list((tmp_path / "uploads").glob("*.part"))


async def test_an_upload_cancelled_at_one_node_ends_at_the_other(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        session = await initiate(first, DATA)
        body = Bytes(DATA[:CHUNK], size=1000, holds_after=3000)
        sending = asyncio.create_task(send(second, session, DATA, 0, body))
        await body.held.wait()
        cancelled = await first.uploads.cancel(LOCAL, session.id)
        assert cancelled.state is SessionState.CANCELLED
        with pytest.raises(SessionEnded):
            await sending
        with pytest.raises(SessionEnded):
            await send(second, session, DATA, 1)


async def test_a_newer_request_at_another_node_takes_the_range_over(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        session = await initiate(first, DATA)
        body = Bytes(DATA[:CHUNK], size=1000, holds_after=3000)
        hanging = asyncio.create_task(send(first, session, DATA, 0, body))
        await body.held.wait()
        after = await send(second, session, DATA, 0)
        assert after.committed.size == CHUNK
        with pytest.raises(Preempted):
            await hanging
        stored = (tmp_path / "uploads" / f"{session.id}.part").read_bytes()
        assert stored[:CHUNK] == DATA[:CHUNK]


async def test_other_bytes_at_another_node_are_refused_and_not_written(tmp_path: Path) -> None:
    other = bytes(CHUNK)
    async with nodes(tmp_path) as (first, second):
        for _ in range(5):
            session = await initiate(first, DATA)
            outcomes = await asyncio.gather(
                send(first, session, DATA, 0),
                send(second, session, other, 0),
                return_exceptions=True,
            )
            refused = [each for each in outcomes if isinstance(each, BaseException)]
            assert refused
            assert all(isinstance(each, OffsetConflict | Preempted) for each in refused)
            resumed = await second.uploads.resume(LOCAL, session.id, "")
            size = resumed.committed.size
            assert size == CHUNK or len(refused) == 2
            stored = (tmp_path / "uploads" / f"{session.id}.part").read_bytes()
            assert stored[:size] in {DATA[:size], other[:size]}, "of one sender alone"


@pytest.mark.parametrize("intervals", [SLOW, FAST])
async def test_both_nodes_complete_at_the_same_time(
    tmp_path: Path, intervals: HoldingIntervals
) -> None:
    async with nodes(tmp_path, intervals=intervals) as (first, second):
        for _ in range(5):
            session = await initiate(first, DATA, check_duplicates=False)
            for chunk in range(4):
                await send((first, second)[chunk % 2], session, DATA, chunk)
            asked = (first, second) * 3
            ends = await asyncio.gather(*(n.uploads.complete(LOCAL, session.id) for n in asked))
            assert len({end.document.id for end in ends if end.document}) == 1
        documents, total = await first.library.list(LOCAL)
        assert total == len(documents) == 5


async def test_a_wrong_digest_is_reported_where_it_was_asked(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        session = await initiate(first, DATA, expected_digest="ab" * 32)
        for chunk in range(4):
            await send(first, session, DATA, chunk)
        with pytest.raises(DigestMismatch):
            await second.uploads.complete(LOCAL, session.id)


async def test_a_limit_of_connections_counts_at_each_node(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        await first.quotas.set_limits(LOCAL, LOCAL.account, QuotaLimits(connections=3))
        await until(lambda: second.quotas.max_connections(LOCAL.account) == 3)


async def test_a_rate_that_is_changed_counts_at_each_node(tmp_path: Path) -> None:
    async with nodes(tmp_path, download_rate=7) as (first, second):
        await first.rates.change(LOCAL, RateLimits(session=5, download=0))
        await until(lambda: second.rates.rates == Rates(session=5), seconds=1)
        await second.rates.change(LOCAL, RateLimits())
        await until(lambda: first.rates.rates == Rates(download=7), seconds=1)


async def test_rows_decide_if_no_hint_arrives(tmp_path: Path) -> None:
    async with nodes(tmp_path, intervals=FAST) as (first, second):
        for node in (first, second):
            node.cluster.notify = ignore  # type: ignore[method-assign]
        session = await initiate(first, DATA)
        for chunk in range(4):
            await send(second, session, DATA, chunk)
        assert (await second.uploads.complete(LOCAL, session.id)).document
        session = await initiate(second, DATA, check_duplicates=False)
        body = Bytes(DATA[:CHUNK], size=1000, holds_after=3000)
        sending = asyncio.create_task(send(second, session, DATA, 0, body))
        await body.held.wait()
        await first.uploads.cancel(LOCAL, session.id)
        with pytest.raises(SessionEnded):
            await sending


class Watcher:
    """A plugin with an event sink of clients that watch at one node."""

    def __init__(self, *, remote: bool) -> None:
        self.events: list[Event] = []
        self._remote = remote

    @hookimpl
    def pdfsluice_register_event_sinks(self, context: PluginContext) -> list[EventSinkSpec]:
        """Register the sink."""
        del context
        remote = (lambda: True) if self._remote else None
        return [EventSinkSpec(name="watcher", sink=self, remote=remote)]

    async def handle(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def saw_refusal(self, session: Session) -> bool:
        """Whether the refusal of an upload was published."""
        statuses = (event for event in self.events if isinstance(event, UploadStatus))
        return any(e.session_id == session.id and e.status == "rejected" for e in statuses)

    def progress(self) -> list[UploadProgress]:
        """Return the progress that was published."""
        return [event for event in self.events if isinstance(event, UploadProgress)]


async def test_watchers_at_any_node_see_the_progress(tmp_path: Path) -> None:
    evil = DATA[: 3 * CHUNK] + b"FORBIDDEN" + DATA[3 * CHUNK + 9 :]
    near, far, own = Watcher(remote=True), Watcher(remote=True), Watcher(remote=False)
    async with (
        nodes(tmp_path, 1, near, progress_interval="1ms") as (first,),
        nodes(tmp_path, 1, far, progress_interval="1ms") as (second,),
        nodes(tmp_path, 1, own, progress_interval="1ms"),
    ):
        for node, watcher in ((first, far), (second, near)):
            watched = await initiate(node, DATA, check_duplicates=False)
            await until(partial(_pokes, watcher, node, watched), interval=0.05)
        session = await initiate(first, evil, check_duplicates=False)
        for chunk in range(4):
            await send((second, first)[chunk % 2], session, evil, chunk)
        for watcher in (near, far):
            await until(partial(watcher.saw_refusal, session))
            progress = [e.durable_bytes for e in watcher.progress() if e.session_id == session.id]
            assert progress == sorted(progress), "one node publishes, so that nothing goes back"
            assert progress[-1] == len(evil)
            (found,) = (e for e in watcher.events if isinstance(e, FindingsReported))
            assert found.findings[0].kind == "word"
    assert not own.events, "without the wish, each event is handled at its own node only"


def _pokes(watcher: Watcher, node: Runtime, session: Session) -> bool:
    """Publish progress until it arrives: nodes learn in a second of a subscriber."""
    upload = node.uploads._open_uploads.peek(session.id)
    assert upload is not None
    upload.progress.publish()
    return any(event.session_id == session.id for event in watcher.progress())


async def test_nodes_with_folders_of_their_own_share_an_object_store(tmp_path: Path) -> None:
    """The second joins during the first's work, and the holder fetches its bytes."""
    objects = MemoryObjectStore()
    watchmen = [Watchman(), Watchman()]
    settings: dict[str, Any] = {
        "upload_store": "objects",
        "chunk_size": CHUNK,
        "state_dir": tmp_path / "state",  # the database
    }
    async with AsyncExitStack() as stack:
        runtimes = []
        session = None
        for number, watchman in enumerate(watchmen):
            folder = tmp_path / str(number)
            plugin = SharedObjects(objects, folder / "copies")
            runtime = await stack.enter_async_context(
                a_runtime(folder, plugin, watchman=watchman, intervals=FAST, **settings)
            )
            runtimes.append(runtime)
            if session is None:
                assert not runtime.cluster.shared
                session = await initiate(runtime, DATA)
                await send(runtime, session, DATA, 0)
        first, second = runtimes
        assert session is not None
        await send(second, session, DATA, 1)
        await send(second, session, DATA, 0)  # a repetition of what the other has received
        await send(first, session, DATA, 2)
        await send(second, session, DATA, 3)
        completion = await second.uploads.complete(LOCAL, session.id)
        assert completion.document is not None
        assert [sum(size for _, size in each.feeds) for each in watchmen] == [len(DATA), 0]
        stored = bytearray(len(DATA))
        name = f"documents/{session.id[:2]}/{session.id}.pdf"
        assert objects.read_into(name, 0, memoryview(stored)) == len(DATA)
        assert stored == DATA


async def test_an_upload_that_grows_at_another_node_does_not_expire(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        for node in (first, second):
            node.cluster.notify = ignore  # type: ignore[method-assign]
        session = await initiate(first, DATA)
        await send(second, session, DATA, 0)
        upload = first.uploads._open_uploads.peek(session.id)
        assert upload is not None
        long_ago = session.created_at - timedelta(days=2)
        upload.session = upload.session.changed(updated_at=long_ago)
        with closing(sqlite3.connect(tmp_path / "state" / "pdfsluice.db")) as database, database:
            database.execute("UPDATE sessions SET expires_at = 0")
        assert await first.sweeper.sweep() == 0
        assert (await send(first, session, DATA, 1)).committed.size == 2 * CHUNK
