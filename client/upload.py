"""Sends one file: in chunks, in parallel, through every interruption that passes."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from pdfsluice.core.errors import ContentRejected, SessionEnded, SessionExpired
from pdfsluice.core.models import SessionState

from .decoding import decode_value
from .errors import ClientError, DuplicateDocument, FileChanged, UploadIncomplete, error_from
from .events import ProgressEvent, StatusEvent
from .models import ChunkAnswer, Completed, Document, NewSession, UploadSession
from .pacing import Pacer
from .pieces import Piece, Ranges, pieces
from .progress import ProgressTracker
from .retry import Patience, RetryPolicy
from .source import FileSource
from .transport import Transport
from .watching import Watcher

T = TypeVar("T")

STREAMING = "/api/documents/streaming"
HASH_FIRST_LIMIT = 256 * 1024 * 1024
_COMPLETE_SECONDS = 600.0
_END_CODES = {
    SessionState.REJECTED: ContentRejected.code,
    SessionState.EXPIRED: SessionExpired.code,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOptions:
    """How a file is sent.

    Attributes:
        title: Title of the document; the server makes one from the filename if empty.
        chunk_size: Bytes of a chunk to ask the server for; ``None`` leaves it to the server.
        parallel: How many chunks are under way at once.
        index: Whether the document is to be made searchable.
        checksum: Whether each chunk goes with its SHA-256 (RFC 9530).
        check_duplicates: Whether a file that the server already has is not stored again.
        hash_first: Whether the whole file is hashed before it is sent. The server then knows
            a duplicate before the first byte, and verifies the whole file at the end. ``None``
            does so for files of up to 256 MiB, where it takes less than a second.
        rate: Bytes per second that are not exceeded; ``None`` for no limit.
    """

    title: str = ""
    chunk_size: int | None = None
    parallel: int = 4
    index: bool = False
    checksum: bool = True
    check_duplicates: bool = True
    hash_first: bool | None = None
    rate: float | None = None


class Upload:
    """One upload of one file.

    Args:
        transport: The way to the server.
        source: The file.
        client_id: What the client calls itself.
        options: How to send it.
        policy: How long to keep trying.
        tracker: Hears of progress.
    """

    def __init__(
        self,
        transport: Transport,
        source: FileSource,
        *,
        client_id: str,
        options: UploadOptions,
        policy: RetryPolicy,
        tracker: ProgressTracker,
    ) -> None:
        self._transport = transport
        self._source = source
        self._client_id = client_id
        self._options = options
        self._policy = policy
        self._tracker = tracker
        self._patience = Patience(policy, self._waiting)
        self._pacer = Pacer(options.rate)
        self._session_id = ""
        self._chunk_size = 1

    async def start(self) -> Document:
        """Open a session, send the file and complete it.

        Raises:
            ContentRejected: The server refuses what is in the file.
            ClientError: Anything else that patience does not cure.
        """
        digest = None
        hash_first = self._options.hash_first
        if hash_first or (hash_first is None and self._source.size <= HASH_FIRST_LIMIT):
            self._tracker.stage("reading")
            digest = (await self._source.digest()).hex()
        try:
            session = await self._initiate(digest)
        except DuplicateDocument as duplicate:
            return await self._existing(duplicate)
        self._session_id, self._chunk_size = session.session_id, session.chunk_size
        return await self._run(((0, self._source.size),))

    async def resume(self, session_id: str) -> Document:
        """Go on with a session: send what is missing and complete it.

        Raises:
            FileChanged: The file is not the one the session began with.
            ClientError: As for :meth:`start`.
        """
        session = await self._transport.call(
            UploadSession,
            "POST",
            f"{STREAMING}/resume",
            json={"session_id": session_id, "client_id": self._client_id},
        )
        if session.ended:
            if session.document is None:
                raise _end_of(session)
            return session.document
        await self._check_same_file(session)
        self._session_id, self._chunk_size = session_id, session.chunk_size
        return await self._run(session.missing_ranges)

    async def _initiate(self, digest: str | None) -> NewSession:
        request = {
            "filename": self._source.path.name,
            "file_size": self._source.size,
            "client_id": self._client_id,
            "check_duplicates": self._options.check_duplicates,
            "auto_build_index": self._options.index,
            **({"title": self._options.title} if self._options.title else {}),
            **({"chunk_size": self._options.chunk_size} if self._options.chunk_size else {}),
            **({"expected_hash": digest} if digest else {}),
        }
        return await self._retried(
            lambda: self._transport.call(NewSession, "POST", f"{STREAMING}/initiate", json=request),
            # A server that was never there is more likely a wrong address than a pause.
            gives_up=lambda error: error.status is None,
        )

    async def _check_same_file(self, session: UploadSession) -> None:
        same = session.total_size in {None, self._source.size}
        if same and session.expected_hash:
            self._tracker.stage("reading")
            same = (await self._source.digest()).hex() == session.expected_hash.lower()
        if not same:
            raise FileChanged(
                f"{self._source.path} is not the file that upload {session.session_id} began with"
                f" ({session.filename}, {session.total_size} bytes)",
                hint="Give the original file, or start a new upload.",
            )

    async def _run(self, missing: tuple[tuple[int, int], ...]) -> Document:
        """Send and listen at once; a refusal heard on the WebSocket ends the sending."""
        try:
            async with asyncio.TaskGroup() as group:
                listener = group.create_task(self._listen())
                document = await self._send_and_complete(missing)
                listener.cancel()
        except BaseExceptionGroup as group:
            raise _cause(group) from None
        return document

    async def _send_and_complete(self, missing: tuple[tuple[int, int], ...]) -> Document:
        while True:
            self._tracker.opened(
                self._session_id, self._source.size - sum(end - start for start, end in missing)
            )
            await self._send(missing)
            self._source.check_unchanged()
            self._tracker.stage("validating")
            try:
                completed = await self._complete()
            except UploadIncomplete as error:
                if not error.missing_ranges or error.missing_ranges == missing:
                    raise
                missing = error.missing_ranges
                continue
            return replace(completed.document, duplicate=completed.duplicate)

    async def _send(self, missing: Ranges) -> None:
        todo = pieces(missing, chunk_size=self._chunk_size, total=self._source.size)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._options.parallel):
                group.create_task(self._work(todo))

    async def _work(self, todo: Iterator[Piece]) -> None:
        for piece in todo:
            await self._deliver(piece)

    async def _deliver(self, piece: Piece) -> None:
        """Send a piece until the server has it."""
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
            session = await self._retried(self._session)
            if session.ended:
                raise _end_of(session)
            left = left.left(session.missing_ranges)
        self._patience.progressed()
        self._tracker.acknowledged(piece.chunk, piece.size)

    async def _put(self, piece: Piece) -> None:
        headers = {}
        if self._options.checksum:
            digest = base64.b64encode(await self._source.digest(piece.start, piece.end)).decode()
            headers["Content-Digest"] = f"sha-256=:{digest}:"

        async def paced() -> AsyncIterator[bytes]:
            async for data in self._source.slices(piece.start, piece.end):
                await self._pacer.admit(len(data))
                yield data

        await self._transport.send(
            ChunkAnswer,
            f"{STREAMING}/chunk/{self._session_id}",
            query={"chunk_id": str(piece.chunk), "chunk_offset": str(piece.start)},
            headers=headers,
            length=piece.size,
            body=paced(),
            sent=lambda size: self._tracker.sent(piece.chunk, size),
        )

    async def _complete(self) -> Completed:
        """Ask for the completion; repeating it does it once."""
        return await self._retried(
            lambda: self._transport.call(
                Completed,
                "POST",
                f"{STREAMING}/complete/{self._session_id}",
                timeout=_COMPLETE_SECONDS,
            )
        )

    async def _session(self) -> UploadSession:
        return await self._transport.call(UploadSession, "GET", f"{STREAMING}/{self._session_id}")

    async def _retried(
        self,
        request: Callable[[], Awaitable[T]],
        *,
        gives_up: Callable[[ClientError], bool] = lambda _error: False,
    ) -> T:
        attempt = 0
        while True:
            try:
                answer = await request()
            except ClientError as error:
                if gives_up(error):
                    raise
                attempt += 1
                await self._patience.wait(error, attempt)
            else:
                return answer

    async def _listen(self) -> None:
        """Hear of the server's side until the session ends; raise if it ends badly."""
        try:
            status = await self._last_heard()
        except ClientError:
            return  # watching is a service; the answers to the chunks tell the same, later
        if status != SessionState.COMPLETED:
            raise _end_of(await self._session())

    async def _last_heard(self) -> str:
        watcher = Watcher(self._transport, self._client_id, self._session, self._policy)
        status = ""
        async with aclosing(watcher.events(self._session_id)) as events:
            async for event in events:
                if isinstance(event, ProgressEvent):
                    self._tracker.server(
                        stage=event.stage,
                        validated=event.validated_bytes,
                        imported=event.imported,
                    )
                elif isinstance(event, StatusEvent):
                    status = event.status
        return status

    async def _existing(self, duplicate: DuplicateDocument) -> Document:
        document = decode_value(Document, duplicate.details.get("document"))
        return replace(document, duplicate=True)

    def _waiting(self, error: ClientError, pause: float) -> None:
        self._tracker.stage("waiting", message=f"{error.message}; trying again in {pause:.1f} s")


def _end_of(session: UploadSession) -> ClientError:
    """Return the error that tells how a session ended before its upload did."""
    code = _END_CODES.get(session.status, SessionEnded.code)
    message = f"the upload was {session.status}"
    if session.error is not None:
        code, message = session.error.code, session.error.message
    findings = [asdict(finding) for finding in session.findings]
    return error_from(code, message, details={"findings": findings})


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what went wrong first: the rest of a group are its consequences."""
    first = group.exceptions[0]
    return _cause(first) if isinstance(first, BaseExceptionGroup) else first
