"""The bytes of uploads over HTTP: a chunk as a form, or raw."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from aiohttp import web

from pdfsluice.core import errors
from pdfsluice.core.models import (
    Checksum,
    ChunkIntent,
    Scope,
    Session,
)
from pdfsluice.core.runtime import Runtime
from pdfsluice.core.uploads.lifecycle import refusal
from pdfsluice.core.uploads.results import ChunkReceipt
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.multipart.forms import FileForm
from pdfsluice.server.problems import UnsupportedMedia
from pdfsluice.server.routes import Answer, Content, Route
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.parsing import NoQuery, read_fields, read_query, session_id
from pdfsluice.server.transport.reading import RawBody
from pdfsluice.server.transport.request_headers import RequestHeaders
from pdfsluice.server.transport.structured_fields import read_checksum

from .requests import ChunkForm, ChunkQuery
from .responses.sessions import ChunkView
from .responses.views import respond
from .uploads import GONE, PREFIX, TAG

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


def chunk_intent(session: Session, fields: ChunkQuery) -> ChunkIntent:
    """Return the chunk that a client means; its number and its offset have to agree.

    An offset inside the chunk is right as well: a client continues there in the middle of a
    chunk, or sends a chunk in pieces over a slow connection. The body extends to the end of
    the chunk, if the size of the file is known.

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
    end, total = (chunk_id + 1) * size, session.total_size
    if total is not None and offset >= total:
        raise errors.OffsetConflict(
            f"chunk {chunk_id} lies after the end of the file of {total} bytes",
            details={"file_size": total, "total_chunks": session.total_chunks},
        )
    if isinstance(fields, ChunkForm) and fields.is_final and total is not None and end < total:
        raise errors.ProtocolError(
            f"is_final is set on chunk {chunk_id}, which is not the last of the file",
            hint="The file may have changed since initiate; start a new upload if it has.",
        )
    space = (end if total is None else min(end, total)) - offset
    length = None if total is None else space
    return ChunkIntent(offset=offset, length=length, max_length=space, chunk_id=chunk_id)


class Chunks:
    """Handlers that receive bytes."""

    def __init__(self, runtime: Runtime) -> None:
        self._uploads = runtime.uploads
        self._gates = runtime.registry.gates
        self._checksums = runtime.registry.checksums
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
            headers={"Content-Digest": "Checksum of the chunk (RFC 9530)."},
            body=(Content("application/octet-stream"),),
            answers=answers,
            errors=_ERRORS,
        )

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """Receive the body as the bytes of a chunk: the fastest way.

        If ``chunk_offset`` gives its start, the body may be a piece of its chunk. The bytes
        that a broken connection delivered are kept, unless a digest was announced.
        """
        if request.content_type != "application/octet-stream":
            raise UnsupportedMedia(
                f"the body is {request.content_type[:80]}; application/octet-stream is expected"
            )
        session = await self._session(request)
        query = read_query(request, ChunkQuery)
        intent = chunk_intent(session, query)
        checksum = read_checksum(request.headers, "Content-Digest", self._checksums)
        if query.chunk_offset is not None or intent.length is None:  # it may be a piece
            intent = replace(intent, length=request.content_length or intent.length)
        intent = replace(intent, checksum=checksum, headers=RequestHeaders(request.headers))
        _check_length(request, intent)
        body = RawBody(request, self._limits, checksum=checksum)
        receipt = await self._uploads.receive(request[PRINCIPAL], session.id, intent, body)
        return _answer(receipt)

    async def form(self, request: web.Request) -> web.StreamResponse:
        """Receive a chunk from a form, whose fields may come in any order."""
        read_query(request, NoQuery)
        session = await self._session(request)
        settler = _Settler(session)
        form = FileForm(request, self._limits, names=_FORM_FIELDS, settle=settler)
        async with form:
            if form.has_file and not form.fields.keys() & {"chunk_id", "chunk_offset"}:
                await self._spool(form, session, request)
            if not form.has_file:
                raise errors.ProtocolError("the form has no field 'file'")
            fields = read_fields(form.fields, ChunkForm, "the form")
            settler.intent = intent = chunk_intent(session, fields)
            checksum = _checksum(fields)
            intent = replace(
                intent,
                checksum=checksum,
                checksum_follows=checksum is None,
                headers=RequestHeaders(request.headers),
            )
            receipt = await self._uploads.receive(request[PRINCIPAL], session.id, intent, form)
        return _answer(receipt)

    async def _spool(self, form: FileForm, session: Session, request: web.Request) -> None:
        """Store the bytes until their offset is known. They pass the gates as well."""
        size = session.chunk_size
        anywhere = ChunkIntent(
            offset=session.committed.frontier,
            length=None,
            max_length=size,
            headers=RequestHeaders(request.headers),
        )
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
    """Checks at the end of a form that later fields agree with earlier ones."""

    session: Session
    intent: ChunkIntent | None = None

    def __call__(self, fields: Mapping[str, str]) -> Checksum | None:
        values = read_fields(dict(fields), ChunkForm, "the form")
        if chunk_intent(self.session, values) != self.intent:
            raise errors.OffsetConflict("the fields after the file contradict those before it")
        return _checksum(values)


def _checksum(fields: ChunkForm) -> Checksum | None:
    """Return the checksum of a form: hexadecimal digits, or a name and digits."""
    if not fields.checksum:
        return None
    name, _, digits = fields.checksum.rpartition(":")
    return Checksum(name or "sha256", bytes.fromhex(digits))


def _check_length(request: web.Request, intent: ChunkIntent) -> None:
    """Refuse a body whose announced length is wrong."""
    length = request.content_length
    limit = intent.max_length
    if length is None or intent.length is None or length == intent.length <= limit:
        return
    kind = errors.SizeExceeded if length > limit else errors.ProtocolError
    raise kind(
        f"the body has {length} bytes; {limit} belong at offset {intent.offset}",
        hint="A chunk extends to its end: chunk_size bytes, or the end of the file."
        " Pieces of it are sent with their chunk_offset.",
        details={"received": length, "expected": limit, "offset": intent.offset},
    )


def _answer(receipt: ChunkReceipt) -> web.Response:
    session = receipt.session
    following = session.next_chunk_id
    complete = following is None
    return respond(
        ChunkView(
            success=True,
            chunk_id=receipt.chunk_id or 0,
            next_chunk_id=following,
            upload_complete=complete,
            message="All chunks are uploaded" if complete else "Chunk uploaded successfully",
        )
    )
