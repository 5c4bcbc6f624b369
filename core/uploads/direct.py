"""Chunks that clients send to the store themselves: tickets, and their commit.

A node receives none of these bytes from the client, and yet nothing is committed that it has not
seen: it reads back what the store has copied aside, and that takes the way of every chunk.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

from pdfsluice.core.errors import DirectUploadUnavailable, NotInStore, OffsetConflict, StateConflict
from pdfsluice.core.models.sessions import Checksum, ChunkIntent, Principal, Scope, Session
from pdfsluice.core.plugins.ports.links import Ticket
from pdfsluice.core.plugins.ports.stores import Blob, UploadStore
from pdfsluice.core.threads import run_uncancelled

from .completing.results import ChunkReceipt
from .lifecycle import refusal
from .open_uploads import OpenUploads
from .receiving import Body, Part

_READ_BYTES = 1024 * 1024

Get = Callable[[Principal, str], Awaitable[Session]]
Receive = Callable[[Principal, str, ChunkIntent, Body], Awaitable[ChunkReceipt]]


class DirectUploads:
    """Chunks that clients send to the store themselves.

    A *ticket* is a short-lived address at which the store accepts the bytes of one chunk.

    Args:
        uploads: The store.
        open_uploads: The uploads that are open.
        get: Returns a session of a principal.
        receive: Receives a chunk.
        enabled: Whether the settings allow it.
        lifetime: How long a ticket can be used.
    """

    def __init__(
        self,
        uploads: UploadStore,
        open_uploads: OpenUploads,
        *,
        get: Get,
        receive: Receive,
        enabled: bool,
        lifetime: timedelta,
    ) -> None:
        self._uploads = uploads
        self._open_uploads = open_uploads
        self._get = get
        self._receive = receive
        self._enabled = enabled
        self._lifetime = lifetime

    async def ticket(self, principal: Principal, session_id: str, chunk: ChunkIntent) -> Ticket:
        """Return how a client sends a chunk, or the rest of one, to the store.

        Asking again gives another ticket for the same slot; earlier ones stay valid until they
        expire, and do no harm.

        Raises:
            DirectUploadUnavailable: The settings or the store do not allow it.
            StateConflict: The size of the file is not known yet.
            PdfsluiceError: The session takes no more bytes.
        """
        principal.require(Scope.UPLOAD)
        session = await self._get(principal, session_id)
        error = refusal(session)
        if error is not None:
            raise error
        slot, length = _slot(chunk), _length(chunk)
        make = getattr(self._uploads, "ticket", None) if self._enabled else None
        ticket: Ticket | None = None
        if make is not None:
            ticket = await make(session.id, slot, length, datetime.now(UTC) + self._lifetime)
        if ticket is None:
            raise DirectUploadUnavailable(
                "This server takes no chunks by way of its store.",
                hint="Send the chunk to the server. Its operator can set 'direct_uploads' if the"
                " bytes are in an object store.",
            )
        return ticket

    async def commit(
        self, principal: Principal, session_id: str, chunk: ChunkIntent
    ) -> ChunkReceipt:
        """Take in a chunk that was sent to the store; on return it is committed.

        Raises:
            NotInStore: Nothing was sent there, or it was committed and cleared away.
            PdfsluiceError: See :meth:`.UploadService.receive`.
        """
        _length(chunk)
        await self._get(principal, session_id)  # a repetition finds what other nodes committed
        body = _StoreBody(self._uploads, self._open_uploads, session_id, chunk)
        receipt = await self._receive(principal, session_id, chunk, body)
        clear = getattr(self._uploads, "clear", None)
        if body.adopted and clear is not None:
            await run_uncancelled(clear(session_id, _slot(chunk)))
        return receipt


class _StoreBody:
    """The bytes of a chunk that wait in the store, or are committed already.

    Attributes:
        adopted: Whether bytes that waited were read.
    """

    checksum: Checksum | None = None
    coded_bytes: int | None = None

    def __init__(
        self,
        uploads: UploadStore,
        open_uploads: OpenUploads,
        session_id: str,
        chunk: ChunkIntent,
    ) -> None:
        self._uploads = uploads
        self._open_uploads = open_uploads
        self._session_id = session_id
        self._chunk = chunk
        self.adopted = False

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the bytes in one part, which is read in a worker thread."""
        del max_bytes  # the part takes the memory of one slice
        upload = self._open_uploads.peek(self._session_id)
        adopt = getattr(self._uploads, "adopt", None)
        start, end = self._chunk.offset, self._chunk.end
        if upload is None or adopt is None:
            raise DirectUploadUnavailable("This server takes no chunks by way of its store.")
        missing = list(upload.session.committed.missing(start, end))
        if missing and missing != [(start, end)]:
            raise OffsetConflict(
                "A part of the chunk is committed already.",
                hint="Ask for the session's missing_ranges, then for a ticket for the rest.",
                details={"offset": missing[0][0]},
            )
        if missing:
            # Not to be cancelled: a later request for this range may use the same local file.
            adopting = adopt(self._session_id, _slot(self._chunk), start, end)
            self.adopted = await run_uncancelled(adopting)
            if not self.adopted:
                raise NotInStore(
                    f"The store has no bytes for the chunk at offset {start}.",
                    hint="Send them with a ticket, then commit.",
                    details={"offset": start},
                )
        yield _slices(upload.blob, start, end)


def _slices(blob: Blob, start: int, end: int) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(_READ_BYTES, end - start)))
    position = start
    while position < end:
        size = blob.read_into(position, buffer[: min(len(buffer), end - position)])
        if not size:
            return  # the writer reports that bytes are missing
        yield buffer[:size]
        position += size


def _slot(chunk: ChunkIntent) -> int:
    return chunk.chunk_id or 0


def _length(chunk: ChunkIntent) -> int:
    if chunk.length is None:
        raise StateConflict(
            "The size of the file is not known yet.",
            hint="Announce it before you ask for tickets.",
        )
    return chunk.length
