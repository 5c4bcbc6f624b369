"""The fingerprints that distinguish files of the same size."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.client.fingerprint import fingerprint, sample_ranges
from pdfsluice.client.open_file import OpenFile


async def of(path: Path, content: bytes | bytearray) -> str:
    path.write_bytes(content)
    with OpenFile.opened(path) as source:
        return await fingerprint(source)


async def test_it_is_the_same_as_that_of_the_javascript_client(tmp_path: Path) -> None:
    content = bytes((index * 7 + 3) % 251 for index in range(1_000_000))
    expected = "87d29e26f421660d4c355a735de8d293b2ece088056cc5e1d6ac0d169be8d609"
    assert await of(tmp_path / "file", content) == expected


@pytest.mark.parametrize("place", [0, 524_287, -1])
async def test_other_bytes_have_another_one(tmp_path: Path, place: int) -> None:
    content = bytearray(524_288)
    first = await of(tmp_path / "file", content)
    content[place] = 1
    assert await of(tmp_path / "other", content) != first
    assert await of(tmp_path / "longer", content[:-1]) != first


@given(st.integers(0, 2**42))
def test_samples_lie_in_the_file_and_hold_its_start_and_its_end(size: int) -> None:
    ranges = sample_ranges(size)
    assert ranges[0][0] == 0
    assert size - 1 <= ranges[-1][1] <= size  # as exact as numbers in JavaScript are
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
    assert sum(end - start for start, end in ranges) <= 512 * 1024
