"""Old records are forgotten, whatever has to stay beside them."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from pdfsluice.core import sweeper
from pdfsluice.core.errors import SessionNotFound
from pdfsluice.core.models import SessionState
from pdfsluice.core.runtime import LOCAL
from tests.support.databases import age_sessions
from tests.support.runtimes import Watchman, a_runtime, initiate, send_all


async def test_quarantined_uploads_do_not_keep_older_records_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are more of them than fit into a turn, and all are newer than the rest."""
    monkeypatch.setattr(sweeper, "_BATCH", 2)
    watchman = Watchman(keeps=True)
    async with a_runtime(tmp_path, watchman=watchman) as runtime:
        old = [await initiate(runtime, b"some bytes") for _ in range(3)]
        for session in old:
            await runtime.uploads.cancel(LOCAL, session.id)
        kept = [await initiate(runtime, b"FORBIDDEN") for _ in range(5)]
        for session in kept:
            await send_all(runtime, session, b"FORBIDDEN")
            while not (await runtime.uploads.get(LOCAL, session.id)).quarantined:
                await asyncio.sleep(0)
        retention = runtime.settings.session_retention
    age_sessions(tmp_path / "state", retention + timedelta(days=1))
    async with a_runtime(tmp_path, watchman=watchman) as runtime:
        for _ in range(5):
            await runtime.sweeper.sweep()
        for session in old:
            with pytest.raises(SessionNotFound):
                await runtime.uploads.get(LOCAL, session.id)
        assert len(await runtime.quarantine.uploads(LOCAL)) == 5
        released = await runtime.uploads.release(LOCAL, kept[0].id)
        assert released.state is SessionState.UPLOADING
