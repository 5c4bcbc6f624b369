"""Reading the file to be sent, and counting what is sent of it."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.client.errors import ClientError, FileChanged
from pdfsluice.client.open_file import OpenFile
from pdfsluice.client.progress import ProgressTracker, TransferProgress


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.pdf"
    path.write_bytes(os.urandom(700_001))
    return path


@pytest.mark.parametrize(("start", "end"), [(0, 700_001), (1, 2), (262_143, 600_000), (5, 5)])
async def test_slices_and_digest_are_those_of_the_range(file: Path, start: int, end: int) -> None:
    expected = file.read_bytes()[start:end]
    with OpenFile.opened(file) as source:
        slices = [data async for data in source.slices(start, end)]
        digest = await source.digest(start, end)
    assert b"".join(slices) == expected
    assert max(map(len, slices), default=0) <= 262_144
    assert digest == hashlib.sha256(expected).digest()


async def test_a_file_that_shrinks_is_noticed(file: Path) -> None:
    with OpenFile.opened(file) as source:
        os.truncate(file, 1000)
        with pytest.raises(FileChanged):
            [data async for data in source.slices(0, source.size)]
        with pytest.raises(FileChanged):
            await source.digest()
        with pytest.raises(FileChanged):
            source.check_unchanged()


def test_what_cannot_be_read_is_an_error_with_the_path(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pdf", tmp_path):
        with pytest.raises(ClientError, match=str(path)), OpenFile.opened(path):
            pass


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["send", "drop", "ack"]))))
def test_progress_never_counts_more_than_the_file(steps: list[tuple[int, str]]) -> None:
    heard: list[TransferProgress] = []
    tracker = ProgressTracker(1000, heard.append)
    tracker.opened("s", 0)
    acknowledged: set[int] = set()
    for chunk, step in steps:
        if chunk in acknowledged:
            continue
        if step == "send":
            tracker.sent(chunk, 100)
        elif step == "drop":
            tracker.dropped(chunk)
        else:
            acknowledged.add(chunk)
            tracker.acknowledged(chunk, 100)
    assert all(0 <= now.acknowledged_bytes <= now.sent_bytes <= 1000 for now in heard)
    assert heard[-1].acknowledged_bytes == 100 * len(acknowledged)
