"""Background jobs go on whatever the catalogue does."""

import asyncio
from pathlib import Path

import pytest

from pdfsluice.core.library import Stage
from pdfsluice.core.models import JobKind
from pdfsluice.core.runtime import LOCAL
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from tests.support.runtimes import a_runtime, initiate, send_all


async def test_a_catalogue_in_trouble_does_not_end_the_jobs_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = SqlCatalogue.claim, iter([OSError("the disk is away")])

    async def claim(catalogue: SqlCatalogue) -> object:
        for error in calls:
            raise error
        return await real(catalogue)

    monkeypatch.setattr(SqlCatalogue, "claim", claim)
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, b"bytes")
        await send_all(runtime, session, b"bytes")
        document = (await runtime.uploads.complete(LOCAL, session.id)).document
        async with asyncio.timeout(20):
            while (await runtime.library.import_status(document)).of(JobKind.IMPORT) != Stage.DONE:
                await asyncio.sleep(0)
