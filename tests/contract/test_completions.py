"""A document and the end of its upload are one transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from pdfsluice.core import (
    CompletingCatalogue,
    Document,
    HasQuotas,
    JobKind,
    NewDocument,
    NodeIdentity,
    PluginContext,
    QuotaUsage,
    Session,
    SessionNotFound,
    SessionState,
    SessionStore,
    StateConflict,
)
from pdfsluice.core.testing.contracts.samples import make_document, make_session
from pdfsluice.core.testing.memory_sessions import MemorySessionStore
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.databases import sql_context, sql_stores

ACCOUNT = "tenant:acme"


@asynccontextmanager
async def opened(context: PluginContext) -> AsyncIterator[tuple[SessionStore, CompletingCatalogue]]:
    async with sql_stores(context) as (sessions, catalogue):
        assert isinstance(catalogue, CompletingCatalogue)
        assert catalogue.shares(sessions)
        yield sessions, catalogue


async def importing(sessions: SessionStore, **changes: object) -> Session:
    """Store an upload that is being imported."""
    session = replace(make_session(**changes), account=ACCOUNT, total_size=100, reserved=100)
    await sessions.create(session)
    return await sessions.update(session, state=SessionState.IMPORTING)


def document_of(session: Session, **changes: object) -> NewDocument:
    return make_document(
        session_id=session.id, owner=session.owner, file_size=100, metadata={}, title="", **changes
    )


async def complete(
    catalogue: CompletingCatalogue, session: Session, new: NewDocument | None = None
) -> tuple[Document, Session]:
    new = new or document_of(session)
    jobs = [JobKind.IMPORT, JobKind.INDEX]
    return await catalogue.complete(
        session, new, jobs, changes={"state": SessionState.COMPLETED}, unique=True
    )


async def usage(sessions: SessionStore) -> QuotaUsage:
    assert isinstance(sessions, HasQuotas)
    account = await sessions.quotas.account(ACCOUNT)
    return replace(account.usage, uploads_today=0, metadata_bytes=0)


async def count(catalogue: CompletingCatalogue) -> int:
    return (await catalogue.list(owner=None))[1]


async def test_a_document_is_added_and_its_upload_completed(context: PluginContext) -> None:
    async with opened(context) as (sessions, catalogue):
        session = await importing(sessions)
        document, completed = await complete(catalogue, session)
        assert completed == await sessions.get(session.id)
        assert (completed.state, completed.document_id) == (SessionState.COMPLETED, document.id)
        assert completed.version == session.version + 1
        assert document == await catalogue.get(document.id, owner=session.owner)
        assert [job.kind for job in await catalogue.jobs(document.id)] == [
            JobKind.IMPORT, JobKind.INDEX,
        ]  # fmt: skip
        assert await usage(sessions) == QuotaUsage(stored_bytes=100, documents=1)
        assert isinstance(sessions, HasQuotas)
        assert await sessions.quotas.recount() == []


@pytest.mark.parametrize(
    "state", [SessionState.VALIDATING, SessionState.FAILED, SessionState.CANCELLED]
)
async def test_an_upload_that_is_not_imported_gets_no_document(
    context: PluginContext, state: SessionState
) -> None:
    """A node that was stopped wakes up after another has ended the upload."""
    async with opened(context) as (sessions, catalogue):
        stale = await importing(sessions)
        current = await sessions.update(stale, state=state)
        for session in (stale, current):
            with pytest.raises(StateConflict):
                await complete(catalogue, session)
        assert await count(catalogue) == 0
        assert await sessions.get(stale.id) == current


async def test_a_session_that_was_changed_or_deleted_gets_no_document(
    context: PluginContext,
) -> None:
    async with opened(context) as (sessions, catalogue):
        session = await importing(sessions)
        current = await sessions.update(session, title="new")
        with pytest.raises(StateConflict):
            await complete(catalogue, session)
        await sessions.delete(session.id)
        with pytest.raises(SessionNotFound):
            await complete(catalogue, current)
        assert await count(catalogue) == 0


async def test_nothing_changes_if_another_upload_has_the_document(context: PluginContext) -> None:
    async with opened(context) as (sessions, catalogue):
        first, second = [await importing(sessions) for _ in range(2)]
        document, _ = await complete(catalogue, first)
        same, session = await complete(catalogue, second)
        assert (same, session) == (document, second)
        assert await sessions.get(second.id) == second
        assert await usage(sessions) == QuotaUsage(
            stored_bytes=100, documents=1, reserved_bytes=100, open_uploads=1
        )


async def test_a_document_that_is_there_already_is_counted_once(context: PluginContext) -> None:
    """An earlier server added it, and was killed before the upload was complete."""
    async with opened(context) as (sessions, catalogue):
        session = await importing(sessions)
        earlier = await catalogue.add(document_of(session), [JobKind.IMPORT])
        document, completed = await complete(catalogue, session)
        assert document == earlier
        assert completed.document_id == earlier.id
        assert [job.kind for job in await catalogue.jobs(document.id)] == [JobKind.IMPORT]
        assert await usage(sessions) == QuotaUsage(stored_bytes=100, documents=1)


async def test_a_new_version_completes_its_upload(context: PluginContext) -> None:
    async with opened(context) as (sessions, catalogue):
        first = await importing(sessions)
        document, _ = await complete(catalogue, first)
        second = await importing(sessions)
        new = document_of(second, lineage=document.id, sha256="cd" * 32)
        version, completed = await complete(catalogue, second, new)
        assert (version.version, completed.document_id) == (2, version.id)
        assert (await catalogue.get(document.id, owner=None)).replaced_by == version.id


async def test_of_two_nodes_one_completes_and_the_hold_ends(context: PluginContext) -> None:
    same = replace(context, shared={})  # a database handle of its own, as another process has
    async with opened(context) as (first, one), opened(same) as (second, other):
        session = await importing(first)
        identity = NodeIdentity(store="store", exclusive=False, shared=True)
        async with first.joined(identity) as cluster, second.joined(identity):
            assert (await cluster.hold(session.id)).mine
            outcomes = await asyncio.gather(
                *(complete(each, session) for each in (one, other) * 5), return_exceptions=True
            )
            refused = [each for each in outcomes if isinstance(each, StateConflict)]
            assert len(refused) == 9, outcomes
            assert await count(one) == 1
            review = await cluster.review({}, [session.id])
            assert review[session.id].holder == ""


async def test_stores_of_two_databases_share_no_transaction(
    context: PluginContext, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    async with (
        opened(context) as (_, catalogue),
        opened(sql_context(tmp_path / "other")) as (sessions, _),
    ):
        assert not catalogue.shares(sessions)
        assert not catalogue.shares(cast("SqlSessionStore", MemorySessionStore()))
