"""Files to send: PDFs as scanners and typesetters make them, of any size."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pdfsluice.core.testing.pdfs import write_large_pdf

SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def workspace(parent: Path | None = None) -> Iterator[Path]:
    """Provide a folder, in memory if possible: the disk is not what is measured.

    Args:
        parent: A directory on the disk that is to be measured.
    """
    if parent is None and SHARED_MEMORY.is_dir():
        parent = SHARED_MEMORY
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


def warm(folder: Path, size: int) -> Sequence[float]:
    """Touch memory once: the first access to a page is slow in a virtual machine.

    Returns:
        When each tenth of it was written, in seconds of ``time.perf_counter``, the start first.
    """
    path = folder / "warm"
    block = bytes(1024 * 1024)
    blocks = size // len(block)
    moments = [time.perf_counter()]
    with path.open("wb") as file:
        for number in range(blocks):
            file.write(block)
            if (number + 1) * 10 // blocks == len(moments):
                moments.append(time.perf_counter())
    path.unlink()
    return moments


@dataclass(frozen=True, slots=True)
class RepeatingPdf:
    """A PDF of any size that repeats one chunk and takes three on the disk.

    Attributes:
        path: Holds its first chunk, one of the inside, and its last.
        size: Of the whole PDF in bytes.
        chunk_size: With what it has to be sent.
    """

    path: Path
    size: int
    chunk_size: int

    @classmethod
    def write(cls, path: Path, chunks: int, chunk_size: int) -> "RepeatingPdf":
        """Write a PDF of ``chunks`` chunks, at least two: a page and a stream of zeros."""
        size = chunks * chunk_size
        head, tail = _around_zeros(size)
        with path.open("wb") as file:
            file.write(head.ljust(2 * chunk_size, b"\0"))
            file.write(tail.rjust(chunk_size, b"\0"))
        return cls(path, size, chunk_size)

    def place(self, offset: int) -> int:
        """Return where in ``path`` the chunk at ``offset`` of the PDF is."""
        if offset == 0:
            return 0
        return (2 if offset + self.chunk_size >= self.size else 1) * self.chunk_size


def _around_zeros(size: int) -> tuple[bytes, bytes]:
    """Return the bytes before and after the zeros in a PDF of ``size`` bytes."""
    filled = 0
    while True:  # the length of the stream is itself written in front of it
        head, tail = _head_and_tail(filled, size)
        if len(head) + filled + len(tail) == size:
            return head, tail
        filled = size - len(head) - len(tail)


def _head_and_tail(filled: int, size: int) -> tuple[bytes, bytes]:
    head = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for item in (
        b"1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n",
        b"2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n",
        b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\n",
        b"4 0 obj\n<</Length %012d>>\nstream\n" % filled,
    ):
        offsets.append(len(head))
        head += item
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"\nendstream\nendobj\n"
    table = b"xref\n0 5\n0000000000 65535 f \n" + rows
    trailer = b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%012d\n%%%%EOF\n"
    after = table + trailer % 0
    return head, end + table + trailer % (size - len(after))
