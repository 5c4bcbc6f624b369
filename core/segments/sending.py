"""Reads a file for its document, and calls the object store for many objects."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pdfsluice.core.errors import StorageFailed

from .workspace import Workspace

T = TypeVar("T")
R = TypeVar("R")

PART_BYTES = 8 * 1024 * 1024
_MAX_REQUESTS = 8


def checked_parts(workspace: Workspace, total: int, sha256: str | None) -> Iterator[bytes]:
    """Yield a file in parts; the last one only if the digest is the expected one.

    Raises:
        StorageFailed: It is not.
    """
    digest = hashlib.sha256()
    for position in range(0, total, PART_BYTES):
        part = bytearray(min(PART_BYTES, total - position))
        if workspace.read_copy(position, memoryview(part)) < len(part):
            raise StorageFailed("The server's copy of the file is not whole.")
        digest.update(part)
        last = position + len(part) == total
        if last and sha256 is not None and digest.hexdigest() != sha256:
            workspace.forget_copy()
            raise StorageFailed(
                "The stored bytes of the upload are not those that were scanned.",
                hint="Try again; if it happens again, check the server's disk.",
                details={"expected": sha256, "actual": digest.hexdigest()},
            )
        yield bytes(part)


async def for_each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Call a function for each item in a few threads; keep the order."""
    turns = asyncio.Semaphore(_MAX_REQUESTS)

    async def one(item: T) -> R:
        async with turns:
            return await asyncio.to_thread(work, item)

    return list(await asyncio.gather(*map(one, items)))
