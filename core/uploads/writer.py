"""The work on a chunk in worker threads: check, compare, write, sync."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import xxhash

from pdfsluice.core.errors import OffsetConflict, ProtocolError, SizeExceeded, StorageFailed
from pdfsluice.core.models.ranges import RangeSet
from pdfsluice.core.models.sessions import Checksum, ChunkIntent, Extent
from pdfsluice.core.plugins.ports.stages import ChunkCheck
from pdfsluice.core.plugins.ports.stores import Blob

from .open_upload.claims import Claim

_COMPARE_BYTES = 256 * 1024

Slice = bytes | bytearray | memoryview
Part = Iterable[Slice]
"""Bytes of a body that are there, or that come without delay.

It is iterated once, in a worker thread, and may read from the connection itself. A slice is
valid until the next one is requested; its memory may then be used again.
"""


class ChunkWriter:
    """A writer of one chunk into a blob; used by one worker thread at a time.

    What is new is written; what is committed already is compared. Repeating a chunk is
    therefore harmless, and a different chunk at the same offset is refused before anything
    changes.

    Args:
        blob: The bytes of the upload.
        committed: What was committed when the chunk was claimed.
        chunk: What the client announced.
        claim: The range that may be written; its ``position`` and ``pending`` are kept here.
        checks: What looks at every byte and judges the whole chunk.

    Attributes:
        judged: Whether the chunk is complete, was judged good, and is durable.
        blob_failed: Whether the storage failed, so that the blob may be poisoned.
    """

    def __init__(
        self,
        blob: Blob,
        committed: RangeSet,
        chunk: ChunkIntent,
        claim: Claim,
        checks: Sequence[ChunkCheck],
    ) -> None:
        self._blob = blob
        self._committed = committed
        self._chunk = chunk
        self._claim = claim
        self._checks = checks
        self._position = self._start = chunk.offset
        self._fingerprint = xxhash.xxh3_128()
        self._extents: list[Extent] = []
        self._sealed: list[Extent] = []
        self.judged = False
        self.blob_failed = False

    @property
    def received(self) -> int:
        """How many bytes of the body have come."""
        return self._claim.position - self._chunk.offset

    @property
    def all_or_nothing(self) -> bool:
        """Whether nothing may be committed yet: a checksum was announced or may follow."""
        return not self.judged and (
            self._chunk.checksum is not None or self._chunk.checksum_follows
        )

    def write(self, part: Part) -> None:
        """Take in a part of the body; judge the chunk when its announced length has come.

        Raises:
            SizeExceeded: The body is longer than what may be written.
            OffsetConflict: Other bytes are committed at the same offset.
            PdfsluiceError: A check refuses the chunk, or the storage failed.
        """
        for data in part:
            claim = self._claim
            claim.position += len(data)
            claim.pending += len(data)
            if claim.position > claim.end:
                space = max(0, claim.end - claim.start)
                raise SizeExceeded(
                    f"the body is longer than the {space} bytes that belong here",
                    details={"offset": claim.start, "max_length": space},
                )
            with memoryview(data) as view:
                for check in self._checks:
                    check.update(view)
                self._store(view)
        complete = self.received == self._chunk.length and not self._chunk.checksum_follows
        if complete and not self.judged:  # fields after a file in a form are parts too
            self.judge(self._chunk.checksum)

    def judge(self, checksum: Checksum | None, late: Sequence[ChunkCheck] = ()) -> None:
        """Let the checks judge a body that has ended, then make it durable.

        Args:
            checksum: What was announced, before or after the body.
            late: Checks that could not begin with the chunk; they see what is stored.

        Raises:
            ProtocolError: The body is shorter than announced.
            ChecksumMismatch: The bytes do not have the announced checksum.
        """
        expected = self._chunk.length
        if expected is not None and self.received != expected:
            raise ProtocolError(
                f"the chunk has {self.received} bytes; {expected} belong here",
                hint="Send whole chunks of the session's chunk_size; the last may be shorter.",
                details={"received": self.received, "expected": expected},
            )
        if late:
            for view in self._stored():
                for check in late:
                    check.update(view)
        for check in (*self._checks, *late):
            check.finish(checksum)
        self.seal()
        self.judged = True

    def seal(self) -> None:
        """Make everything written so far durable, so that it can be committed."""
        self._end_extent()
        if not self._extents:  # every byte was there already, if its blob is still there
            self._seal(self._position, self._position)
        while self._extents:
            extent = self._extents[0]
            place = self._seal(extent.start, extent.end)
            self._sealed.append(replace(extent, place=place) if place else extent)
            del self._extents[0]

    def _seal(self, start: int, end: int) -> str:
        try:
            return self._blob.seal(start, end)
        except StorageFailed:
            self.blob_failed = True
            raise

    def take_sealed(self) -> Sequence[Extent]:
        """Return the extents that became durable since the last call."""
        extents, self._sealed = self._sealed, []
        return extents

    def _store(self, view: memoryview) -> None:
        base, end = self._position, self._position + len(view)
        for start, stop in self._committed.missing(base, end):
            self._compare(view[self._position - base : start - base])
            piece = view[start - base : stop - base]
            try:
                self._blob.write(start, piece)
            except StorageFailed:
                self.blob_failed = True
                raise
            self._fingerprint.update(piece)
            self._position = stop
        self._compare(view[self._position - base :])

    def _stored(self) -> Iterator[memoryview]:
        """Read the chunk back, in memory that is used again for each piece."""
        end = self._claim.position
        buffer = memoryview(bytearray(min(self.received, _COMPARE_BYTES)))
        for start in range(self._chunk.offset, end, _COMPARE_BYTES):
            view = buffer[: min(len(buffer), end - start)]
            yield view[: self._blob.read_into(start, view)]

    def _end_extent(self) -> None:
        if self._position > self._start:
            self._extents.append(Extent(self._start, self._position, self._fingerprint.hexdigest()))
        self._start = self._position
        self._fingerprint.reset()

    def _compare(self, view: memoryview) -> None:
        """Check that bytes which are committed already are sent unchanged."""
        if not view:
            return
        self._end_extent()
        buffer = memoryview(bytearray(min(len(view), _COMPARE_BYTES)))
        while view:
            size = min(len(view), len(buffer))
            length = self._blob.read_into(self._position, buffer[:size])
            if buffer[:length] != view[:size]:
                raise OffsetConflict(
                    f"other bytes are already committed at offset {self._position}",
                    hint="Is it the same file? Ask for the session's missing_ranges.",
                    details={"offset": self._position},
                )
            self._position += size
            view = view[size:]
        self._start = self._position
