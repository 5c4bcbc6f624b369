"""What was read long before in a huge file leaves the page cache."""

import os
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

from pdfsluice.core.scanning.worker_main import StagedFile

MIB = 1024 * 1024
SIZE = 64 * MIB


def in_memory(path: Path) -> bool:
    """Whether the file system has no other place for its files."""
    mounts = sorted(psutil.disk_partitions(all=True), key=lambda mount: len(mount.mountpoint))
    around = [mount for mount in mounts if path.is_relative_to(mount.mountpoint)]
    return bool(around) and around[-1].fstype in {"tmpfs", "ramfs", "overlay"}


def cached(path: Path) -> int:
    """Return how many bytes of a file are in the system's cache."""
    command = ["fincore", "--bytes", "--noheadings", "--output", "RES", str(path)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.skipif(shutil.which("fincore") is None, reason="fincore is not installed")
def test_a_file_that_was_read_leaves_the_cache(tmp_path: Path) -> None:
    if in_memory(tmp_path):
        pytest.skip("the temporary directory is in memory")
    path = tmp_path / "huge"
    with path.open("wb") as huge:
        for number in range(SIZE // MIB):
            huge.write(bytes([number]) * MIB)
        huge.flush()
        os.fsync(huge.fileno())
    assert cached(path) == SIZE
    file = StagedFile(path, cache_bytes=16 * MIB, eviction_bytes=8 * MIB)
    buffer = memoryview(bytearray(MIB))
    for number in range(SIZE // MIB):
        assert file.read_into(number * MIB, buffer) == MIB
        assert buffer[0] == buffer[-1] == number
    assert 16 * MIB <= cached(path) <= 32 * MIB
    assert file.read_into(MIB, buffer) == MIB  # it can still be read
    assert buffer[-1] == 1
    file.close()
