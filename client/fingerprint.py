"""Fingerprints of files: samples distinguish files without reading all of them."""

import asyncio
import hashlib
import os

from .errors import ClientError
from .open_file import OpenFile

FINGERPRINT = "fingerprint"
"""The key under which a fingerprint travels in the metadata of a session."""

_SAMPLE_SIZE = 64 * 1024
_SAMPLE_COUNT = 8


async def fingerprint(source: OpenFile) -> str:
    """Return the fingerprint of a file's content, in lower-case hexadecimal.

    It is the SHA-256 over the size and samples from the start, the end and places spread evenly
    between them, at most 512 KiB in all. The JavaScript client makes the same one, so that each
    resumes what the other began.

    Raises:
        ClientError: The file cannot be read.
    """
    return await asyncio.to_thread(_fingerprint, source)


def _fingerprint(source: OpenFile) -> str:
    digest = hashlib.sha256(f"pdfsluice-fingerprint-1 {source.size}\n".encode())
    try:
        for start, end in sample_ranges(source.size):
            digest.update(os.pread(source.descriptor, end - start, start))
    except OSError as error:
        raise ClientError(
            f"{source.path} cannot be read: {error.strerror}", code="file-unreadable"
        ) from error
    return digest.hexdigest()


def sample_ranges(size: int) -> list[tuple[int, int]]:
    """Return the half-open ranges that are looked at in a file; they do not overlap."""
    if size <= _SAMPLE_SIZE * _SAMPLE_COUNT:
        return [(0, size)]
    step = (size - _SAMPLE_SIZE) / (_SAMPLE_COUNT - 1)
    starts = [int(index * step) for index in range(_SAMPLE_COUNT)]
    return [(start, start + _SAMPLE_SIZE) for start in starts]
