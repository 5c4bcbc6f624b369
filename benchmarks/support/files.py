"""Files to send: PDFs as scanners and typesetters make them, of any size."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pdfsluice.core.testing.pdfs import write_large_pdf

SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def workspace() -> Iterator[Path]:
    """Give a folder in memory where there is one, so that the disk is not what is measured."""
    parent = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="pdfsluice-bench-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def a_pdf(folder: Path, size: int) -> Path:
    """Write a PDF of about ``size`` bytes, most of it pictures."""
    path = folder / f"{size}.pdf"
    if not path.exists():
        write_large_pdf(path, size, pages=max(1, min(64, size // (256 * 1024))))
    return path


def warm(folder: Path, size: int) -> None:
    """Touch memory once: a virtual machine pays dearly for pages it sees for the first time."""
    path = folder / "warm"
    with path.open("wb") as file:
        block = bytes(1024 * 1024)
        for _ in range(size // len(block)):
            file.write(block)
    path.unlink()
