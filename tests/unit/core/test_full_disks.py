"""A file that finds no space leaves nothing that takes some."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from pdfsluice.core import StorageFull
from pdfsluice.core.documents.pictures import PictureFiles
from pdfsluice.core.segments import names
from pdfsluice.core.segments.cache import LocalCopies
from pdfsluice.core.testing import MemoryObjectStore
from pdfsluice.core.testing.contracts.samples import make_stored_document

CONTENT = bytes(100_000)


@contextmanager
def no_space_after(size: int) -> Iterator[None]:
    """Let the kernel end each file at a size, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_picture(tmp_path: Path) -> None:
    pictures = PictureFiles(tmp_path)
    with no_space_after(10_000), pytest.raises(OSError, match="too large"):
        await pictures.keep(make_stored_document(id=1), 1, 240, CONTENT)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("is_download", [False, True])
async def test_a_local_copy(tmp_path: Path, is_download: bool) -> None:
    objects, name = MemoryObjectStore(), names.document(str(uuid4()))
    objects.put(name, memoryview(CONTENT))
    copies = LocalCopies(tmp_path / "copies", objects, max_bytes=1_000_000)
    copies.prepare()
    with no_space_after(10_000):
        if is_download:
            with pytest.raises(StorageFull):
                async with copies.file(name):
                    pass
        else:
            with suppress(OSError):
                copies.add(name, CONTENT)
    assert files_in(tmp_path) == []
    async with copies.file(name) as path:
        assert path.stat().st_size == len(CONTENT)
