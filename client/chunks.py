"""Sends the chunks of one session in parallel, each until the server has it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from .errors import ClientError, ending
from .models import ChunkAnswer, UploadSession
from .pacing import Pacer
from .pieces import Piece, Ranges, pieces
from .progress import ProgressTracker
from .retry import Patience
from .source import FileSource
from .transport import Transport


class ChunkSender:
    """Sends what is missing of a file.

    Args:
        transport: The way to the server.
        source: The file.
        path: Where the chunks go.
        chunk_size: Bytes of a chunk.
        parallel: How many are under way at once.
        ask: Returns the session as it stands.
        checksum: Whether each chunk goes with its SHA-256 (RFC 9530).
        patience: How long to keep trying.
        pacer: How fast to send.
        tracker: Hears of progress.
    """

    def __init__(
        self,
        transport: Transport,
        source: FileSource,
        *,
        path: str,
        chunk_size: int,
        parallel: int,
        ask: Callable[[], Awaitable[UploadSession]],
        checksum: bool,
        patience: Patience,
        pacer: Pacer,
        tracker: ProgressTracker,
    ) -> None:
        self._transport = transport
        self._source = source
        self._path = path
        self._chunk_size = chunk_size
        self._parallel = parallel
        self._ask = ask
        self._checksum = checksum
        self._patience = patience
        self._pacer = pacer
        self._tracker = tracker

    async def send(self, missing: Ranges) -> None:
        """Send all missing ranges.

        Raises:
            ExceptionGroup: Of the :class:`ClientError` that ended the sending.
        """
        todo = pieces(missing, chunk_size=self._chunk_size, total=self._source.size)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._parallel):
                group.create_task(self._work(todo))

    async def _work(self, todo: Iterator[Piece]) -> None:
        for piece in todo:
            await self._deliver(piece)

    async def _deliver(self, piece: Piece) -> None:
        left: Piece | None = piece
        attempt = 0
        while left is not None:
            try:
                await self._put(left)
                break
            except ClientError as error:
                self._tracker.dropped(piece.chunk)
                attempt += 1
                await self._patience.wait(error, attempt)
            # Part of it may be there, or all; and the session may have ended.
            session = await self._patience.retried(self._ask)
            if session.ended:
                raise ending(session)
            left = left.left(session.missing_ranges)
        self._patience.progressed()
        self._tracker.acknowledged(piece.chunk, piece.size)

    async def _put(self, piece: Piece) -> None:
        headers = {}
        if self._checksum:
            digest = base64.b64encode(await self._source.digest(piece.start, piece.end)).decode()
            headers["Content-Digest"] = f"sha-256=:{digest}:"
        await self._transport.send(
            ChunkAnswer,
            self._path,
            query={"chunk_id": str(piece.chunk), "chunk_offset": str(piece.start)},
            headers=headers,
            length=piece.size,
            body=self._paced(piece),
            sent=lambda size: self._tracker.sent(piece.chunk, size),
        )

    async def _paced(self, piece: Piece) -> AsyncIterator[bytes]:
        async for data in self._source.slices(piece.start, piece.end):
            await self._pacer.admit(len(data))
            yield data
