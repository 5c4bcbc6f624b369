"""The bytes of uploads over HTTP: a chunk as a form, as the documentation has it, or raw."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from pdfsluice.core import errors
from pdfsluice.core.models import (
    Checksum,
    ChunkIntent,
    ChunkReceipt,
    Scope,
    Session,
)
from pdfsluice.core.runtime import Runtime
from pdfsluice.core.uploads.lifecycle import refusal
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.multipart.forms import FileForm
from pdfsluice.server.problems import UnsupportedMedia
from pdfsluice.server.protocols.resumable.fields import sha256_digest
from pdfsluice.server.routes import Answer, Content, Route
from pdfsluice.server.transport.body import BodyLimits, RawBody

from .requests import (
    ChunkForm,
    ChunkQuery,
    NoQuery,
    read_fields,
    read_query,
)
from .responses.sessions import ChunkView
from .responses.views import respond
from .uploads import (
    GONE,
    PREFIX,
    TAG,
    session_id,
)

_ERRORS = (
    *GONE,
    errors.OffsetConflict,
    errors.StateConflict,
    errors.Preempted,
    errors.SizeExceeded,
    errors.ChecksumMismatch,
    errors.ContentRejected,
    errors.RateLimited,
    errors.StorageFull,
    errors.StageFailed,
)
_FORM_FIELDS = frozenset(ChunkForm.model_fields)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk belongs in its file.

    Attributes:
        chunk_id: Its number.
        offset: Of its first byte.
        end: Behind its last byte; a body named by its chunk alone has to go on to there.
        certain: Whether the file's size is known, so that ``end`` is exact.
    """

    chunk_id: int
    offset: int
    end: int
    certain: bool

    @classmethod
    def of(cls, session: Session, fields: ChunkQuery) -> Self:
        """Find the place that a client means; number and offset have to agree.

        An offset inside the chunk is right as well: that is how a client goes on in the
        middle of a chunk, and how it sends a chunk in pieces where the line is slow.

        Raises:
            ProtocolError: Neither is given, or ``is_final`` is wrong.
            OffsetConflict: They contradict each other, or lie outside the file.
        """
        size, chunk_id, offset = session.chunk_size, fields.chunk_id, fields.chunk_offset
        if chunk_id is None and offset is None:
            raise errors.ProtocolError(
                "neither chunk_id nor chunk_offset is given", hint="Send at least one of them."
            )
        if offset is None:
            offset = (chunk_id or 0) * size
        if chunk_id is None:
            chunk_id = offset // size
        if offset // size != chunk_id:
            raise errors.OffsetConflict(
                f"chunk {chunk_id} does not hold offset {offset}:"
                f" the chunks of this session have {size} bytes",
                hint="Use the chunk_size of the answer to initiate.",
                details={"chunk_size": size, "chunk_id": chunk_id, "chunk_offset": offset},
            )
        end = (chunk_id + 1) * size
        total = session.total_size
        if total is not None and offset >= total:
            raise errors.OffsetConflict(
                f"chunk {chunk_id} lies behind the end of the file of {total} bytes",
                details={"file_size": total, "total_chunks": session.total_chunks},
            )
        final = isinstance(fields, ChunkForm) and fields.is_final
        if final and total is not None and end < total:
            raise errors.ProtocolError(
                f"is_final is set on chunk {chunk_id}, which is not the last of the file",
                hint="The file may have changed since initiate; start anew if it has.",
            )
        return cls(chunk_id, offset, end if total is None else min(end, total), total is not None)

    def intent(
        self, *, length: int | None = None, checksum: Checksum | None, follows: bool = False
    ) -> ChunkIntent:
        """Describe the chunk to the pipeline.

        Args:
            length: Announced length of the body, where it need not go on to the chunk's end.
            checksum: Announced checksum.
            follows: Whether a checksum may come behind the body.
        """
        room = self.end - self.offset
        return ChunkIntent(
            offset=self.offset,
            length=room if length is None and self.certain else length,
            max_length=room,
            chunk_id=self.chunk_id,
            checksum=checksum,
            checksum_follows=follows,
        )


class Chunks:
    """Handlers that take bytes in."""

    def __init__(self, runtime: Runtime) -> None:
        self._uploads = runtime.uploads
        self._gates = runtime.registry.gates
        self._settings = runtime.settings
        self._limits = BodyLimits.of(runtime.settings)

    def routes(self) -> Iterator[Route]:
        """Return the two forms of sending a chunk."""
        path = f"{PREFIX}/chunk/{{session_id}}"
        answers = {200: Answer("The chunk is stored.", ChunkView)}
        yield Route(
            method="POST",
            path=path,
            handler=self.form,
            scopes=(Scope.UPLOAD,),
            summary="Send a chunk as a form",
            tag=TAG,
            body=(Content("multipart/form-data", ChunkForm, file="file"),),
            answers=answers,
            errors=_ERRORS,
        )
        yield Route(
            method="PUT",
            path=path,
            handler=self.raw,
            scopes=(Scope.UPLOAD,),
            summary="Send a chunk as it is",
            tag=TAG,
            query=ChunkQuery,
            headers={"Content-Digest": "SHA-256 of the chunk (RFC 9530)."},
            body=(Content("application/octet-stream"),),
            answers=answers,
            errors=_ERRORS,
        )

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """Take the body as the bytes of a chunk: the fastest way in.

        Where ``chunk_offset`` says where it begins, the body may be a piece of its chunk.
        What a broken connection delivered is kept, unless a digest was announced.
        """
        if request.content_type != "application/octet-stream":
            raise UnsupportedMedia(
                f"the body is {request.content_type[:80]}; application/octet-stream is expected"
            )
        session = await self._session(request)
        query = read_query(request, ChunkQuery)
        place = Place.of(session, query)
        checksum = sha256_digest(request.headers, "Content-Digest")
        is_piece = query.chunk_offset is not None or not place.certain
        length = (request.content_length or None) if is_piece else None
        intent = place.intent(length=length, checksum=checksum)
        _check_length(request, intent)
        body = RawBody(request, self._limits, checksum=checksum)
        receipt = await self._uploads.receive(request[PRINCIPAL], session.id, intent, body)
        return _answer(receipt, place)

    async def form(self, request: web.Request) -> web.StreamResponse:
        """Take a chunk from a form. Its fields may come in any order, also behind the file."""
        read_query(request, NoQuery)
        session = await self._session(request)
        settler = _Settler(session)
        form = FileForm(request, self._limits, names=_FORM_FIELDS, settle=settler)
        async with form:
            if form.has_file and not form.fields.keys() & {"chunk_id", "chunk_offset"}:
                await self._put_aside(form, session)
            if not form.has_file:
                raise errors.ProtocolError("the form has no field 'file'")
            fields = read_fields(form.fields, ChunkForm, "the form")
            settler.place = place = Place.of(session, fields)
            checksum = _checksum(fields)
            intent = place.intent(checksum=checksum, follows=checksum is None)
            receipt = await self._uploads.receive(request[PRINCIPAL], session.id, intent, form)
        return _answer(receipt, place)

    async def _put_aside(self, form: FileForm, session: Session) -> None:
        """Let the bytes wait: nobody knows yet where they belong. They pass the gates as well."""
        size = session.chunk_size
        anywhere = ChunkIntent(offset=session.committed.frontier, length=None, max_length=size)
        async with AsyncExitStack() as admitted:
            for spec in self._gates:
                await admitted.enter_async_context(spec.gate.admit(session, anywhere))
            await form.spool(self._settings.upload_dir, max_bytes=size)

    async def _session(self, request: web.Request) -> Session:
        """Return the session of the path, if it takes bytes."""
        session = await self._uploads.get(request[PRINCIPAL], session_id(request))
        error = refusal(session)
        if error is not None:
            raise error
        return session


@dataclass(slots=True)
class _Settler:
    """Checks, when a form has ended, that nothing behind the file contradicts what was before."""

    session: Session
    place: Place | None = None

    def __call__(self, fields: Mapping[str, str]) -> Checksum | None:
        read = read_fields(dict(fields), ChunkForm, "the form")
        if Place.of(self.session, read) != self.place:
            raise errors.OffsetConflict("the fields behind the file contradict those before it")
        return _checksum(read)


def _checksum(fields: ChunkForm) -> Checksum | None:
    return Checksum("sha256", bytes.fromhex(fields.checksum)) if fields.checksum else None


def _check_length(request: web.Request, intent: ChunkIntent) -> None:
    """Refuse at once what the announced length shows to be wrong."""
    length = request.content_length
    room = intent.max_length
    if length is None or intent.length is None or length == intent.length <= room:
        return
    kind = errors.SizeExceeded if length > room else errors.ProtocolError
    raise kind(
        f"the body has {length} bytes; {room} belong at offset {intent.offset}",
        hint="A chunk goes on to its end: chunk_size bytes, or the end of the file."
        " Pieces of it are sent with their chunk_offset.",
        details={"received": length, "expected": room, "offset": intent.offset},
    )


def _answer(receipt: ChunkReceipt, place: Place) -> web.Response:
    session = receipt.session
    following = session.next_chunk_id
    complete = following is None
    return respond(
        ChunkView(
            success=True,
            chunk_id=place.chunk_id,
            next_chunk_id=following,
            upload_complete=complete,
            message="All chunks are uploaded" if complete else "Chunk uploaded successfully",
        )
    )
