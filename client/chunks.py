"""Sends what is missing of one session, in pieces, until the server has it."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from fractions import Fraction
from http import HTTPStatus

from .compression import Coded, Compressor
from .delta import DELTA, Delta
from .errors import ClientError, UnexpectedAnswer
from .link import Link, Load
from .links import UploadTicket
from .models import ChunkAnswer, UploadSession
from .open_file import OpenFile
from .pacing import Pacer
from .pieces import Piece, Ranges, Todo
from .problems import ending
from .progress import ProgressTracker
from .retry import Patience
from .transport import Transport

_NO_DIRECT = "direct-upload-unavailable"


class ChunkSender:
    """The sender of what is missing of a file, compressed if that saves time.

    Args:
        transport: Connection to the server.
        source: The file.
        path: Where the chunks go.
        chunk_size: Bytes of a chunk.
        parallel: The most pieces in flight at a time.
        ask: Returns the session as it stands.
        checksum: Whether each piece goes with its SHA-256 (RFC 9530).
        codings: Content codings that may be tried, preferred ones first; empty for none.
        delta: What need not be sent, if the file is a new version of a document.
        direct: Whether chunks are sent to the store of the server, if it allows that.
        patience: How long to keep trying.
        pacer: How fast to send.
        tracker: Records progress.
    """

    def __init__(
        self,
        transport: Transport,
        source: OpenFile,
        *,
        path: str,
        chunk_size: int,
        parallel: int,
        ask: Callable[[], Awaitable[UploadSession]],
        checksum: bool,
        codings: Sequence[str],
        delta: Delta | None,
        direct: bool,
        patience: Patience,
        pacer: Pacer,
        tracker: ProgressTracker,
    ) -> None:
        self._transport = transport
        self._source = source
        self._path = path
        self._chunk_size = chunk_size
        self._ask = ask
        self._checksum = checksum
        self._patience = patience
        self._pacer = pacer
        self._tracker = tracker
        self._link = Link(chunk_size=chunk_size, parallel=parallel)
        self._compressor = Compressor(source, codings)
        self._delta = delta
        self._direct = direct and delta is None  # a delta is smaller

    async def send(self, missing: Ranges) -> None:
        """Send all missing ranges.

        Raises:
            ExceptionGroup: Of the :class:`ClientError` that ended the sending.
        """
        todo = Todo(missing, chunk_size=self._chunk_size)
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                load = self._link.load
                size = self._chunk_size if self._direct else load.piece
                if len(under_way) < load.pieces and (piece := todo.cut(size)):
                    under_way.add(group.create_task(self._deliver(piece, load, todo)))
                elif under_way:
                    _, under_way = await asyncio.wait(
                        under_way, return_when=asyncio.FIRST_COMPLETED
                    )
                else:
                    return

    async def _deliver(self, piece: Piece, load: Load, todo: Todo) -> None:
        """Send a piece; bytes that the server then lacks are sent again."""
        arrived = piece.size
        try:
            seconds = await self._send(piece, load)
        except ClientError as error:
            self._tracker.dropped(piece.start)
            self._source.check_unchanged()  # it may be the file that broke off, not the link
            self._link.failed(load)
            await self._patience.wait(error)
            rest = piece.rest(await self._missing())
            todo.put_back(rest)
            arrived -= sum(end - start for start, end in rest)
        else:
            self._link.delivered(load, piece.size, seconds)
        if arrived:
            self._patience.progressed()
            self._tracker.acknowledged(piece.start, arrived)

    async def _missing(self) -> Ranges:
        """Ask what the server lacks: of what broke off it may have a part, or all."""
        session = await self._patience.retried(self._ask)
        if session.ended:
            raise ending(session)
        return session.missing_ranges

    async def _send(self, piece: Piece, load: Load) -> float:
        """Send a piece once, to the store if that is possible; return the seconds it took."""
        if self._direct:
            try:
                return await self._put_direct(piece)
            except ClientError as error:
                if error.code != _NO_DIRECT:
                    raise
                self._direct = False
        return await self._put(piece, load)

    async def _put_direct(self, piece: Piece) -> float:
        """Send the rest of a chunk to the store, and have the server commit it."""
        query = {"chunk_id": str(piece.chunk), "chunk_offset": str(piece.start)}
        ticket = await self._transport.call(
            UploadTicket, "POST", f"{self._path}/direct", query=query
        )
        if ticket.length != piece.size:
            raise UnexpectedAnswer("the ticket is for another piece of the file")
        if self._checksum:
            digest = await self._source.digest(piece.start, piece.end)
            query["checksum"] = f"sha256:{digest.hex()}"
        began = time.monotonic()
        await self._transport.send_elsewhere(
            ticket.url,
            headers=ticket.headers,
            length=piece.size,
            body=self._paced(self._source.slices(piece.start, piece.end)),
            sent=lambda size: self._tracker.sent(piece.start, size),
        )
        await self._transport.call(ChunkAnswer, "POST", f"{self._path}/commit", query=query)
        return time.monotonic() - began

    async def _put(self, piece: Piece, load: Load) -> float:
        """Send a piece once; return the seconds until it was acknowledged."""
        coded = await self._coded(piece)
        headers, query = await self._announced(piece, coded)
        length = piece.size if coded is None else coded.size
        slices = coded.slices() if coded else self._source.slices(piece.start, piece.end)
        share = Fraction(piece.size, length)
        began = time.monotonic()
        try:
            await self._transport.send(
                ChunkAnswer,
                self._path,
                query=query,
                headers=headers,
                length=length,
                body=self._paced(slices),
                sent=lambda size: self._tracker.sent(piece.start, int(size * share)),
            )
        except ClientError as error:
            if coded is None or not self._sends_otherwise(coded, error):
                raise
            self._tracker.dropped(piece.start)
            return await self._put(piece, load)
        seconds = time.monotonic() - began
        if coded is None or coded.coding != DELTA:
            self._compressor.delivered(length, load.pieces, seconds)
        return seconds

    async def _coded(self, piece: Piece) -> Coded | None:
        """Return a piece as a delta or compressed, if that makes it smaller."""
        delta = None
        if self._delta is not None:
            delta = await self._delta.encode(piece.start, piece.end)
        return delta or await self._compressor.compress(piece.start, piece.end)

    async def _announced(
        self, piece: Piece, coded: Coded | None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the header fields and the parameters with which a piece is sent."""
        headers, query = {}, {"chunk_id": str(piece.chunk), "chunk_offset": str(piece.start)}
        is_delta = coded is not None and coded.coding == DELTA
        if coded is not None:
            headers["Content-Type" if is_delta else "Content-Encoding"] = coded.coding
            query["chunk_length"] = str(piece.size)
        if self._checksum and is_delta:  # copies are verified, too
            digest = await self._source.digest(piece.start, piece.end)
            query["checksum"] = digest.hex()
        if self._checksum:
            sha256 = coded.sha256() if coded else self._source.digest(piece.start, piece.end)
            headers["Content-Digest"] = f"sha-256=:{base64.b64encode(await sha256).decode()}:"
        return headers, query

    def _sends_otherwise(self, coded: Coded, error: ClientError) -> bool:
        """Return whether a piece refused in its coding is to be sent in another way."""
        if coded.coding == DELTA:
            return self._delta is not None and self._delta.gives_way(error)
        if error.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            self._compressor.refused()
            return True
        return False

    async def _paced(self, slices: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for data in slices:
            async for part in self._pacer.spread(data):
                yield part
