"""The bytes of uploads over HTTP: a chunk as a form, or raw."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from aiohttp import web

from pdfsluice.core import errors
from pdfsluice.core.documents.bases import BaseFile
from pdfsluice.core.models.sessions import (
    Checksum,
    ChunkIntent,
    Scope,
    Session,
)
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.uploads.checksums import check_of
from pdfsluice.core.uploads.completing.results import ChunkReceipt
from pdfsluice.core.uploads.lifecycle import refusal
from pdfsluice.core.uploads.receiving import Body
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.multipart.forms import FileForm
from pdfsluice.server.problems import UnsupportedMedia
from pdfsluice.server.routes import Answer, Content, Route
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.coded_body import CodedBody, max_coded_size, too_large
from pdfsluice.server.transport.decoding import DECODERS
from pdfsluice.server.transport.delta import DELTA_TYPE, DeltaDecoder
from pdfsluice.server.transport.framing import content_coding
from pdfsluice.server.transport.parsing import NoQuery, read_fields, read_query, session_id
from pdfsluice.server.transport.reading import RawBody
from pdfsluice.server.transport.request_headers import RequestHeaders
from pdfsluice.server.transport.structured_fields import read_checksum

from .requests import ChunkForm, ChunkQuery, RawChunkQuery, StoredChunkQuery
from .responses.sessions import ChunkView
from .responses.views import respond
from .uploads import GONE, PREFIX, TAG

CHUNK_ERRORS = (
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
        self._bases = runtime.bases
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
            errors=CHUNK_ERRORS,
        )
        yield Route(
            method="PUT",
            path=path,
            handler=self.raw,
            scopes=(Scope.UPLOAD,),
            summary="Send a chunk as it is",
            tag=TAG,
            query=RawChunkQuery,
            headers={
                "Content-Digest": "Checksum of the body as it is sent (RFC 9530).",
                "Content-Encoding": "`zstd` (RFC 9659) or `gzip`, if the body is compressed.",
            },
            compressible=True,
            body=(Content("application/octet-stream"), Content(DELTA_TYPE)),
            answers=answers,
            errors=(*CHUNK_ERRORS, errors.BaseChanged),
        )

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """Receive the body as the bytes of a chunk: the fastest way.

        If ``chunk_offset`` gives its start, the body may be a piece of its chunk. The bytes
        that a broken connection delivered are kept, unless a digest was announced.

        A compressed body has to decode to exactly the bytes of its chunk, or to
        ``chunk_length`` bytes. The answer to another coding has ``Accept-Encoding``.

        A body of the type ``application/vnd.pdfsluice.delta`` names what the document that is
        being replaced has already; it has to decode to as many bytes. ``checksum`` is then that
        of the decoded bytes.
        """
        if request.content_type not in {"application/octet-stream", DELTA_TYPE}:
            raise UnsupportedMedia(
                f"the body is {request.content_type[:80]}; application/octet-stream is expected"
            )
        session = await self._session(request)
        query = read_query(request, RawChunkQuery)
        async with AsyncExitStack() as stack:
            base = None
            if request.content_type == DELTA_TYPE:
                opened = self._bases.opened(request[PRINCIPAL], session)
                base = await stack.enter_async_context(opened)
            intent, body = self._body(request, query, chunk_intent(session, query), base)
            intent = replace(intent, headers=RequestHeaders(request.headers))
            receipt = await self._uploads.receive(request[PRINCIPAL], session.id, intent, body)
        return chunk_answer(receipt)

    def _body(
        self,
        request: web.Request,
        query: RawChunkQuery,
        intent: ChunkIntent,
        base: BaseFile | None,
    ) -> tuple[ChunkIntent, Body]:
        """Return what a request announces about its body, and the body itself.

        Args:
            request: The request.
            query: Its parameters.
            intent: The chunk that it means.
            base: The document to copy from, if the body is a delta.
        """
        checksum = read_checksum(request.headers, "Content-Digest", self._checksums)
        coding, announced = content_coding(request), announced_checksum(query)
        if coding and base is not None:
            raise UnsupportedMedia("a delta is not accepted compressed", hint="Send it as it is.")
        if coding or base is not None:
            decoder = DECODERS[coding]() if base is None else DeltaDecoder(base)
            check = None if checksum is None else check_of(checksum, self._checksums)
            intent = _coded_intent(request, query, intent, checked=check is not None)
            return replace(intent, checksum=announced), CodedBody(
                request,
                self._limits,
                coding=coding or "delta",
                decoder=decoder,
                check=check,
                max_length=intent.end - intent.offset,
            )
        if announced is not None:
            raise errors.ProtocolError(
                "checksum is for coded bodies", hint="Send Content-Digest instead (RFC 9530)."
            )
        if query.chunk_offset is not None or intent.length is None:  # it may be a piece
            length = request.content_length or query.chunk_length or intent.length
            intent = replace(intent, length=length)
        _check_length(intent, request.content_length)
        _check_length(intent, query.chunk_length)
        intent = replace(intent, checksum=checksum)
        return intent, RawBody(request, self._limits, checksum=checksum)

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
            checksum = announced_checksum(fields)
            intent = replace(
                intent,
                checksum=checksum,
                checksum_follows=checksum is None,
                headers=RequestHeaders(request.headers),
            )
            receipt = await self._uploads.receive(request[PRINCIPAL], session.id, intent, form)
        return chunk_answer(receipt)

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
        session = await self._uploads.target(request[PRINCIPAL], session_id(request))
        error = refusal(session)
        if error is not None:
            raise error
        return session


@dataclass(slots=True)
class _Settler:
    """A check, at the end of a form, that later fields agree with earlier ones."""

    session: Session
    intent: ChunkIntent | None = None

    def __call__(self, fields: Mapping[str, str]) -> Checksum | None:
        values = read_fields(dict(fields), ChunkForm, "the form")
        if chunk_intent(self.session, values) != self.intent:
            raise errors.OffsetConflict("the fields after the file contradict those before it")
        return announced_checksum(values)


def announced_checksum(
    fields: ChunkForm | RawChunkQuery | StoredChunkQuery,
) -> Checksum | None:
    """Return the checksum of the chunk: hexadecimal digits, or a name and digits."""
    if not fields.checksum:
        return None
    name, _, digits = fields.checksum.rpartition(":")
    return Checksum(name or "sha256", bytes.fromhex(digits))


def _coded_intent(
    request: web.Request, query: RawChunkQuery, intent: ChunkIntent, *, checked: bool
) -> ChunkIntent:
    """Return the chunk of a compressed body or a delta.

    The lengths in it are those of the decoded bytes. If the coded bytes are to be checked, that
    happens at the end of the body; until then nothing may be committed.
    """
    if query.chunk_length is not None:
        intent = replace(intent, length=query.chunk_length)
    _check_length(intent, query.chunk_length)
    allowed = max_coded_size(intent.end - intent.offset)
    if request.content_length is not None and request.content_length > allowed:
        raise too_large(request.content_length, allowed)
    return replace(intent, checksum_follows=checked)


def _check_length(intent: ChunkIntent, length: int | None) -> None:
    """Refuse a body whose announced length is wrong."""
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


def chunk_answer(receipt: ChunkReceipt) -> web.Response:
    """Return the answer to a chunk that was committed."""
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
