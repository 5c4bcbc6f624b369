"""Finished sessions whose document was deleted."""

from pathlib import Path

import pytest

from pdfsluice.core.errors import DocumentDeleted
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.runtimes import a_runtime, initiate, send_all

DATA = bytes(range(256)) * 1024


async def test_a_finished_session_reports_that_its_document_was_deleted(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert (await runtime.uploads.get(LOCAL, session.id)).document_id == done.document.id
        await runtime.library.delete(LOCAL, done.document.id)
        with pytest.raises(DocumentDeleted):
            await runtime.uploads.get(LOCAL, session.id)
        with pytest.raises(DocumentDeleted):
            await runtime.uploads.resume(LOCAL, session.id, "")
        with pytest.raises(DocumentDeleted):
            await runtime.uploads.complete(LOCAL, session.id)
        with pytest.raises(DocumentDeleted):
            await send_all(runtime, session, DATA)
        again = await initiate(runtime, DATA)
        await send_all(runtime, again, DATA)
        assert (await runtime.uploads.complete(LOCAL, again.id)).document.id != done.document.id


async def test_an_upload_that_met_a_duplicate_reports_that_it_was_deleted(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        sessions = [await initiate(runtime, DATA) for _ in range(2)]
        for session in sessions:
            await send_all(runtime, session, DATA)
        ids = [(await runtime.uploads.complete(LOCAL, each.id)).document.id for each in sessions]
        assert ids[0] == ids[1]
        await runtime.library.delete(LOCAL, ids[0])
        for session in sessions:
            with pytest.raises(DocumentDeleted):
                await runtime.uploads.get(LOCAL, session.id)
