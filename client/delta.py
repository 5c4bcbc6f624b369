"""Finds what of a file the server has already, and encodes pieces as deltas."""

import asyncio
import struct
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from .compression import Coded
from .errors import ClientError
from .models import DocumentUnits
from .open_file import OpenFile
from .retry import Patience
from .transport import Transport
from .units import digest_of, find_streams

DELTA: Final = "application/vnd.pdfsluice.delta"
"""The media type of a piece that is sent as a delta."""
MIN_COPY: Final = 64
"""Bytes of the shortest copy; an instruction has 17."""
_MAX_SHARE = 0.95
_MAX_LITERALS = 16 * 1024 * 1024
_LARGE = 1024 * 1024
_INSTRUCTION = struct.Struct(">BQQ")
_COPY, _LITERAL = 1, 2
_REFUSALS = frozenset({"base-changed", "checksum-mismatch", "unsupported-media-type"})


class Copy(NamedTuple):
    """A run of bytes that the earlier version has as well.

    Attributes:
        start: Offset of its first byte in the file.
        end: Offset after its last byte.
        base: Offset of its first byte in the earlier version.
    """

    start: int
    end: int
    base: int


class Delta:
    """What of a file need not be sent.

    Args:
        source: The file.
        copies: What the earlier version has, by ascending offset.
    """

    def __init__(self, source: OpenFile, copies: Sequence[Copy]) -> None:
        self._source = source
        self._copies = copies
        self._ends = [copy.end for copy in copies]

    @property
    def shared(self) -> int:
        """How many bytes of the file the earlier version has."""
        return sum(copy.end - copy.start for copy in self._copies)

    async def encode(self, start: int, end: int) -> Coded | None:
        """Return a piece as a delta of less than 95 % of its size, or ``None``.

        Raises:
            FileChanged: The file has become shorter.
        """
        copies = self._between(start, end)
        literals = end - start - sum(copy.end - copy.start for copy in copies)
        size = literals + (2 * len(copies) + 1) * _INSTRUCTION.size
        if not copies or literals > _MAX_LITERALS or size > (end - start) * _MAX_SHARE:
            return None
        return Coded(DELTA, await asyncio.to_thread(self._encode, start, end, copies))

    def gives_way(self, error: ClientError) -> bool:
        """Return whether pieces are to be sent whole from now on, because of an error."""
        if error.code not in _REFUSALS:
            return False
        self._copies, self._ends = (), []
        return True

    def _between(self, start: int, end: int) -> list[Copy]:
        copies = []
        for copy in self._copies[bisect_right(self._ends, start) :]:
            if copy.start >= end:
                break
            first, last = max(copy.start, start), min(copy.end, end)
            if last - first >= MIN_COPY:
                copies.append(Copy(first, last, copy.base + first - copy.start))
        return copies

    def _encode(self, start: int, end: int, copies: Sequence[Copy]) -> bytes:
        coded = bytearray()
        for copy in copies:
            self._add_literal(coded, start, copy.start)
            coded += _INSTRUCTION.pack(_COPY, copy.base, copy.end - copy.start)
            start = copy.end
        self._add_literal(coded, start, end)
        return bytes(coded)

    def _add_literal(self, coded: bytearray, start: int, end: int) -> None:
        if start < end:
            coded += _INSTRUCTION.pack(_LITERAL, 0, end - start)
        while start < end:
            data = self._source.read(start, end)
            coded += data
            start += len(data)


async def find_delta(
    transport: Transport, source: OpenFile, document_id: int, patience: Patience
) -> Delta | None:
    """Compare a file with the document that it replaces; ``None`` if that fails.

    Raises:
        FileChanged: The file has become shorter.
        Unreachable: The server was unavailable for longer than the patience.
    """
    path = f"/api/documents/{document_id}/units"

    async def page_from(first: int) -> DocumentUnits:
        query = {"first": str(first)}
        return await transport.call(DocumentUnits, "GET", path, query=query)

    pages: list[DocumentUnits] = []
    first: int | None = 0
    try:
        while first is not None:
            pages.append(await patience.retried(partial(page_from, first)))
            first = pages[-1].next
    except ClientError as error:
        if error.status is None:
            raise
        return None  # it was deleted, or the server is older
    return Delta(source, await asyncio.to_thread(find_copies, source, pages))


def find_copies(source: OpenFile, pages: Sequence[DocumentUnits]) -> Sequence[Copy]:
    """Return what a file and an earlier version have in common. Blocking.

    Args:
        source: The file.
        pages: The description of the earlier version, the first page with its blocks.

    Raises:
        FileChanged: The file has become shorter.
    """
    prefix = _common_prefix(source, pages[0])
    copies = [Copy(0, prefix, 0)] if prefix >= MIN_COPY else []
    offsets = {(size, digest): at for page in reversed(pages) for at, size, digest in page.units}
    sizes = {size for size, _ in offsets}
    read = _Window(source).read
    for start, end in find_streams(read, source.size):
        if end - start not in sizes or end <= prefix:
            continue
        at = offsets.get((end - start, digest_of(read, start, end).hex()))
        if at is not None:
            skipped = max(0, prefix - start)
            copies.append(Copy(start + skipped, end, at + skipped))
    return copies


def _common_prefix(source: OpenFile, base: DocumentUnits) -> int:
    """Return how many bytes from the beginning on are in blocks that both have."""
    for number, digest in enumerate(base.blocks):
        start = number * base.block_size
        end = min(base.file_size, start + base.block_size)
        if end > source.size or digest_of(source.read, start, end).hex() != digest:
            return start
    return min(base.file_size, len(base.blocks) * base.block_size)


class _Window:
    """A reader of a file; small pieces come from the last large one, kept in memory."""

    def __init__(self, source: OpenFile) -> None:
        self._source = source
        self._start = 0
        self._data = b""

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from one offset to another."""
        first = start - self._start
        if first >= 0 and end - self._start <= len(self._data):
            return self._data[first : end - self._start]
        if start >= end:
            return b""
        data = self._source.read(start, end)
        if len(data) > len(self._data) or end - start >= _LARGE:
            self._start, self._data = start, data
        return data
