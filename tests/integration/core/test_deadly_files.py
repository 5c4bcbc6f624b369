"""A file whose holders die one after the other is failed, and no other is."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pdfsluice.core import SessionEnded, SessionState
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.nodes import DATA, FAST, nodes
from tests.support.runtimes import initiate, send
from tests.support.waiting import until


def opened(folder: Path) -> sqlite3.Connection:
    """Open the database of the nodes."""
    return sqlite3.connect(folder / "state" / "pdfsluice.db", timeout=30)


def bereave(folder: Path, session_id: str, deaths: int, *, validated: int = 0) -> None:
    """Record that the holder of an upload died while it read it, as so many before it.

    Args:
        folder: The folder of the nodes.
        session_id: The upload.
        deaths: How many holders have died.
        validated: How many bytes the stages of one of them have seen.
    """
    with (
        closing(sqlite3.connect(folder / "state" / "pdfsluice.db", timeout=30)) as database,
        database,
    ):
        statement = (
            "UPDATE holds SET node = 'dead', epoch = ?, reading = 1, validated = ?"
            " WHERE session_id = ?"
        )
        values = (deaths - 1, validated, session_id)
        assert database.execute(statement, values).rowcount == 1


def deaths_of(folder: Path, session_id: str) -> int:
    """Return how many holders have died, as it is recorded."""
    with closing(opened(folder)) as database:
        statement = "SELECT epoch FROM holds WHERE session_id = ?"
        return int(database.execute(statement, (session_id,)).fetchone()[0])


async def test_a_file_that_ended_three_holders_is_failed(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        session = await initiate(first, DATA)
        await send(first, session, DATA, 0)
        bereave(tmp_path, session.id, deaths=3)
        with pytest.raises(SessionEnded, match="3 servers"):
            await send(second, session, DATA, 1)
        failed = await second.uploads.get(LOCAL, session.id)
        assert (failed.state, failed.failure_code) == (SessionState.FAILED, "stage-failed")
        assert not list((tmp_path / "uploads").glob("*.part"))


async def test_a_node_that_would_take_it_over_fails_it(tmp_path: Path) -> None:
    async with nodes(tmp_path, intervals=FAST) as (first, second):
        session = await initiate(first, DATA)
        await send(first, session, DATA, 0)
        await send(second, session, DATA, 1)
        bereave(tmp_path, session.id, deaths=3)

        async def failed() -> bool:
            return (await second.uploads.get(LOCAL, session.id)).state is SessionState.FAILED

        await until(failed)


async def test_an_upload_that_is_scanned_after_all_was_not_the_reason(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (first, second):
        session = await initiate(first, DATA)
        await send(first, session, DATA, 0)
        bereave(tmp_path, session.id, deaths=2)
        await send(second, session, DATA, 1)
        await until(lambda: deaths_of(tmp_path, session.id) == 0)
        await send(second, session, DATA, 2)
        await send(second, session, DATA, 3)
        assert (await second.uploads.complete(LOCAL, session.id)).document


@pytest.mark.parametrize(("deaths", "end"), [(5, SessionState.COMPLETED), (6, SessionState.FAILED)])
async def test_a_file_that_all_stages_have_seen_may_end_more_holders(
    tmp_path: Path, deaths: int, end: SessionState
) -> None:
    """Servers that are killed at random end an innocent file in its checks; a deadly one ends."""
    async with nodes(tmp_path, intervals=FAST) as (first, second):
        session = await initiate(first, DATA)
        for chunk in range(4):
            await send(first, session, DATA, chunk)
        upload = first.uploads._open_uploads.peek(session.id)
        assert upload is not None
        await upload.as_unit(partial(upload.change, state=SessionState.VALIDATING))
        upload.holding = False
        bereave(tmp_path, session.id, deaths, validated=len(DATA))

        async def ended() -> bool:
            return (await second.uploads.get(LOCAL, session.id)).state is end

        await until(ended)


async def test_an_upload_that_is_imported_is_continued_after_any_deaths(tmp_path: Path) -> None:
    """No stage reads it any more, so that it is not the reason."""
    async with nodes(tmp_path, intervals=FAST) as (first, second):
        session = await initiate(first, DATA)
        for chunk in range(4):
            await send(first, session, DATA, chunk)
        upload = first.uploads._open_uploads.peek(session.id)
        assert upload is not None
        for state in (SessionState.VALIDATING, SessionState.IMPORTING):
            await upload.as_unit(partial(upload.change, state=state))
        bereave(tmp_path, session.id, deaths=5)

        async def completed() -> bool:
            return (await second.uploads.get(LOCAL, session.id)).state is SessionState.COMPLETED

        await until(completed)
