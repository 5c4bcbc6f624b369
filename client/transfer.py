"""Transfers a file within an open session: sends, follows, completes."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import quote

from .chunks import ChunkSender
from .delta import Delta
from .errors import (
    ClientError,
    DigestMismatch,
    UnexpectedAnswer,
    Unreachable,
    UploadIncomplete,
)
from .events import ProgressEvent, StatusEvent
from .models import Completed, Document, SessionState, UploadSession
from .open_file import OpenFile
from .pacing import Pacer
from .problems import ending
from .progress import ProgressTracker
from .retry import Patience, RetryPolicy
from .transport import Transport
from .watching import Subscriber

STREAMING = "/api/documents/streaming"
_COMPLETE_SECONDS = 600.0
_AT_WORK = frozenset({SessionState.VALIDATING, SessionState.IMPORTING})

Missing = tuple[tuple[int, int], ...]


def session_path(session_id: str, action: str = "") -> str:
    """Return the path of a session, whose id may be the input of a person.

    A slash in the id leads to no other path.
    """
    return f"{STREAMING}{action}/{quote(session_id, safe='')}"


class Transfer:
    """One run of an upload, within its session.

    Args:
        transport: Connection to the server.
        source: The file.
        client_id: What the client calls itself.
        session_id: The session.
        chunk_size: Its chunk size in bytes.
        parallel: Largest number of requests in flight.
        checksum: Whether each of them goes with its SHA-256.
        codings: Content codings that may be tried, preferred ones first; empty for none.
        delta: What need not be sent, if the file is a new version of a document.
        direct: Whether chunks are sent to the store of the server, if it allows that.
        policy: How long to keep listening.
        patience: How long to keep sending.
        pacer: How fast to send.
        tracker: Records progress.
        announced: Whether the server knows the SHA-256 of the file already.
    """

    def __init__(
        self,
        transport: Transport,
        source: OpenFile,
        *,
        client_id: str,
        session_id: str,
        chunk_size: int,
        parallel: int,
        checksum: bool,
        codings: Sequence[str],
        delta: Delta | None,
        direct: bool,
        policy: RetryPolicy,
        patience: Patience,
        pacer: Pacer,
        tracker: ProgressTracker,
        announced: bool,
    ) -> None:
        self._transport = transport
        self._source = source
        self._session_id = session_id
        self._patience = patience
        self._tracker = tracker
        self._announced = announced
        self._watcher = Subscriber(transport, client_id, self._session, policy)
        self._sender = ChunkSender(
            transport,
            source,
            path=f"{STREAMING}/chunk/{session_id}",
            chunk_size=chunk_size,
            parallel=parallel,
            checksum=checksum,
            codings=codings,
            delta=delta,
            direct=direct,
            ask=self._session,
            patience=patience,
            pacer=pacer,
            tracker=tracker,
        )

    async def run(self, missing: Missing) -> Document:
        """Send what is missing and complete the upload.

        A refusal received on the WebSocket ends the sending immediately. Unless the server knows
        the digest of the file, it is computed meanwhile, and compared at the end: the bytes that
        are stored are those of one version of the file.

        Raises:
            FileChanged: The file was changed since the upload began.
            ClientError: The server refuses the file, or patience is at its end.
        """
        try:
            async with asyncio.TaskGroup() as group:
                listener = group.create_task(self._listen())
                digest = None if self._announced else group.create_task(self._source.digest())
                document = await self._send_and_complete(missing, digest)
                listener.cancel()
        except BaseExceptionGroup as group_of_errors:
            raise self._explained(_cause(group_of_errors)) from None
        return document

    def _explained(self, error: BaseException) -> BaseException:
        if isinstance(error, ClientError) and error.code == DigestMismatch.default_code:
            return self._source.changed()
        return error

    async def _send_and_complete(
        self, missing: Missing, digest: asyncio.Task[bytes] | None
    ) -> Document:
        while True:
            there = self._source.size - sum(end - start for start, end in missing)
            self._tracker.opened(self._session_id, there)
            await self._sender.send(missing)
            if digest is not None and not digest.done():
                self._tracker.stage("reading")
            expected = None if digest is None else (await digest).hex()
            self._source.check_unchanged()
            try:
                completed = await self._complete(expected)
            except UploadIncomplete as error:
                if not error.missing_ranges or error.missing_ranges == missing:
                    raise
                missing = error.missing_ranges
            else:
                return replace(completed.document, duplicate=completed.duplicate)

    async def _complete(self, digest: str | None) -> Completed:
        """Ask for the completion; however often that is repeated, it is done once.

        Proxies do not wait for an answer as long as the server may need for a large file. As
        long as it is at work, a lost answer costs no patience.
        """
        path = f"{STREAMING}/complete/{self._session_id}"
        body = None if digest is None else {"expected_hash": digest}
        while True:
            self._tracker.stage("validating")
            try:
                return await self._transport.call(
                    Completed, "POST", path, json=body, timeout=_COMPLETE_SECONDS
                )
            except ClientError as error:
                await self._patience.wait(error)
                if isinstance(error, Unreachable | UnexpectedAnswer) and await self._at_work():
                    self._patience.progressed()

    async def _at_work(self) -> bool:
        return (await self._patience.retried(self._session)).status in _AT_WORK

    async def _session(self) -> UploadSession:
        return await self._transport.call(UploadSession, "GET", session_path(self._session_id))

    async def _listen(self) -> None:
        """Follow the session until it ends; raise if it ends badly."""
        try:
            status = await self._last_status()
        except ClientError:
            return  # watching is optional: the answers to the chunks report the same, later
        if status != SessionState.COMPLETED:
            raise ending(await self._session())

    async def _last_status(self) -> str:
        status = ""
        async with aclosing(self._watcher.events(self._session_id)) as events:
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


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what went wrong first: the rest of a group are its consequences."""
    first = group.exceptions[0]
    return _cause(first) if isinstance(first, BaseExceptionGroup) else first
