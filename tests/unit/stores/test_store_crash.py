"""What was acknowledged is there after ``kill -9``, at whatever moment it comes."""

import hashlib
import itertools
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.testing.contracts.upload_store_basics import ANY_AGE
from pdfsluice.plugins.local_store.opening import open_store
from tests.support.databases import sql_context, sql_stores
from tests.support.shares import share

ROOT = Path(__file__).parents[3]


def acknowledged_until_killed(directory: Path, durability: str, lines: int) -> list[str]:
    """Run the writer, kill it after some acknowledgements, and return these."""
    command = [sys.executable, "-m", "tests.support.crashing_writer", str(directory), durability]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = list(itertools.islice(child.stdout, lines))
        child.kill()
        said += child.stdout.readlines()
    assert len(said) >= lines, "the writer ended by itself"
    return [line for line in said if line.endswith("\n")]


@pytest.mark.long
@pytest.mark.parametrize("durability", share(["power", "process"], every=2))
async def test_acknowledged_ranges_survive_kill_9(tmp_path: Path, durability: str) -> None:
    acknowledged: list[str] = []
    for _ in range(3):
        acknowledged += acknowledged_until_killed(tmp_path, durability, random.randint(1, 120))
        await assert_all_there(tmp_path, acknowledged)


async def assert_all_there(directory: Path, acknowledged: Iterable[str]) -> None:
    async with (
        sql_stores(sql_context(directory)) as (sessions, _),
        open_store(upload_dir=directory / "uploads", data_dir=directory / "data") as uploads,
    ):
        for line in acknowledged:
            session_id, start, end, digest = line.split()
            extent = Extent(int(start), int(end), digest)
            assert extent in await sessions.extents(session_id)
            async with uploads.local_path(session_id) as path:
                data = path.read_bytes()[extent.start : extent.end]
            assert hashlib.sha256(data).hexdigest() == digest
        assert (await uploads.usage()).partial_count == len(await uploads.orphans(ANY_AGE))
