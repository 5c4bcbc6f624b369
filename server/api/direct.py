"""Chunks that clients send to the object store themselves, over HTTP."""

from collections.abc import Iterator
from dataclasses import replace

from aiohttp import web

from pdfsluice.core import errors
from pdfsluice.core.models.sessions import Scope, Session
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.uploads.lifecycle import refusal
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import read_query, session_id
from pdfsluice.server.transport.request_headers import RequestHeaders

from .chunks import CHUNK_ERRORS, announced_checksum, chunk_answer, chunk_intent
from .requests import ChunkQuery, StoredChunkQuery
from .responses.sessions import ChunkView, TicketView
from .responses.views import respond
from .uploads import GONE, PREFIX, TAG


class DirectChunks:
    """Handlers for tickets and for the chunks that were sent with them."""

    def __init__(self, runtime: Runtime) -> None:
        self._uploads = runtime.uploads

    def routes(self) -> Iterator[Route]:
        """Return the two steps around a request to the store."""
        yield Route(
            method="POST",
            path=f"{PREFIX}/chunk/{{session_id}}/direct",
            handler=self.ticket,
            scopes=(Scope.UPLOAD,),
            summary="Ask for a ticket to send a chunk to the store",
            tag=TAG,
            query=ChunkQuery,
            answers={200: Answer("The ticket.", TicketView)},
            errors=(
                *GONE,
                errors.OffsetConflict,
                errors.StateConflict,
                errors.DirectUploadUnavailable,
            ),
        )
        yield Route(
            method="POST",
            path=f"{PREFIX}/chunk/{{session_id}}/commit",
            handler=self.commit,
            scopes=(Scope.UPLOAD,),
            summary="Commit a chunk that was sent to the store",
            tag=TAG,
            query=StoredChunkQuery,
            answers={200: Answer("The chunk is stored.", ChunkView)},
            errors=(*CHUNK_ERRORS, errors.NotInStore, errors.DirectUploadUnavailable),
        )

    async def ticket(self, request: web.Request) -> web.StreamResponse:
        """Return how the client sends a chunk to the store, without a key of this server.

        The ticket is for the whole chunk, or for the rest of it from ``chunk_offset`` on. It can
        be used until it expires, also again: the bytes that are there last count, and they count
        only when they are committed. Another one can be asked for at any time.
        """
        session = await self._session(request)
        chunk = chunk_intent(session, read_query(request, ChunkQuery))
        ticket = await self._uploads.direct.ticket(request[PRINCIPAL], session.id, chunk)
        return respond(
            TicketView(
                method="PUT",
                url=ticket.url,
                headers=ticket.headers,
                chunk_id=chunk.chunk_id or 0,
                offset=chunk.offset,
                length=chunk.end - chunk.offset,
                expires_at=ticket.expires_at,
            )
        )

    async def commit(self, request: web.Request) -> web.StreamResponse:
        """Take in what was sent with a ticket; the same parameters name the chunk.

        The server copies the bytes to a place that no ticket leads to, reads and checks them, and
        answers as if they had come to it. Repeating it is harmless.
        """
        session = await self._session(request)
        query = read_query(request, StoredChunkQuery)
        chunk = replace(
            chunk_intent(session, query),
            checksum=announced_checksum(query),
            headers=RequestHeaders(request.headers),
        )
        receipt = await self._uploads.direct.commit(request[PRINCIPAL], session.id, chunk)
        return chunk_answer(receipt)

    async def _session(self, request: web.Request) -> Session:
        """Return the session of the path, if it takes bytes."""
        session = await self._uploads.get(request[PRINCIPAL], session_id(request))
        error = refusal(session)
        if error is not None:
            raise error
        return session
