"""What tus and resumable uploads for HTTP have in common: an upload grows at its end.

Both are other doors to the same sessions. The offset that they speak of is the end of the
contiguous committed prefix, so an upload that was begun in chunks can be finished here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from pdfsluice.core.errors import PdfsluiceError, SizeExceeded, StateConflict
from pdfsluice.core.models import (
    Checksum,
    ChunkIntent,
    Protocol,
    Session,
    SessionState,
)
from pdfsluice.core.uploads.creating import Initiation
from pdfsluice.core.uploads.lifecycle import OPEN, refusal
from pdfsluice.core.uploads.results import Completion
from pdfsluice.server.app_keys import PRINCIPAL, REQUEST_ID, RUNTIME
from pdfsluice.server.problems import problem, status_of
from pdfsluice.server.transport.body import BodyLimits, RawBody
from pdfsluice.server.transport.framing import host_of
from pdfsluice.server.transport.request_headers import RequestHeaders

VERDICT_SECONDS: Final = 30.0
"""How long the answer to the last byte waits for the verdict on the file."""

_PROXY_HEADERS: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "Via")
_RESUMABLE_AT: Final = web.RequestKey("_RESUMABLE_AT", str)
"""Where the upload is that a failed request has opened and that can be gone on with."""
_BYTES_PAST: Final = (SessionState.VALIDATING, SessionState.IMPORTING, SessionState.COMPLETED)


async def find(request: web.Request) -> Session:
    """Return the session that the path names.

    Raises:
        SessionNotFound: There is none, or another principal's.
        SessionEnded: It was cancelled or has failed.
        SessionExpired: It was idle for too long.
        ContentRejected: The file was refused.
    """
    runtime = request.app[RUNTIME]
    session = await runtime.uploads.get(request[PRINCIPAL], request.match_info["session_id"])
    error = refusal(session)
    if error is not None and not bytes_past(session):
        raise error
    return session


def bytes_past(session: Session) -> bool:
    """Whether the upload has all its bytes and was told so."""
    return session.state in _BYTES_PAST


def offset(session: Session) -> int:
    """Return the offset from which the client has to go on."""
    if bytes_past(session) and session.total_size is not None:
        return session.total_size
    return session.committed.frontier


def location(request: web.Request, prefix: str, session: Session) -> str:
    """Return the URL of the upload resource.

    It is absolute, because some clients (aiotus) cannot resolve a path. Behind a proxy only
    the setting ``public_url`` or the client knows the outer address: without the setting it
    is the path alone.
    """
    path = f"{prefix}/{session.id}"
    public_url = request.app[RUNTIME].settings.public_url
    if public_url:
        return public_url + path
    proxied = request.version < HttpVersion11 or any(
        name in request.headers for name in _PROXY_HEADERS
    )
    return path if proxied else f"{request.scheme}://{host_of(request)}{path}"


@asynccontextmanager
async def new_upload(
    request: web.Request, session: Session, where: str, *, told: bool = False
) -> AsyncIterator[None]:
    """Decide, if the request that opened an upload fails, whether to go on with the upload.

    That is worth its while if the error may pass and the upload has bytes: then the answer
    says where it is. A client that knows that already comes back after every error of the
    server (resumable uploads, Upload Creation, Client Behavior). Otherwise nobody comes
    back to it, and it is cancelled, so that no room is kept for it.

    Args:
        where: The URL of the upload.
        told: Whether the client was told that in an interim response.
    """
    try:
        yield
    except PdfsluiceError as error:
        uploads = request.app[RUNTIME].uploads
        session = await uploads.get(request[PRINCIPAL], session.id)
        expected = told and status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR
        if error.retryable and (expected or offset(session)):
            request[_RESUMABLE_AT] = where
        elif session.state in OPEN:
            with suppress(StateConflict):  # it has ended meanwhile
                await uploads.cancel(request[PRINCIPAL], session.id, error.message)
        raise


def refused(error: PdfsluiceError, request: web.Request) -> web.Response:
    """Return an error as a problem, with the place of what it left to be gone on with."""
    response = problem(error, request.get(REQUEST_ID, ""))
    if _RESUMABLE_AT in request:
        response.headers[hdrs.LOCATION] = request[_RESUMABLE_AT]
    return response


def has_body(request: web.Request) -> bool:
    """Whether body bytes are announced, by length or as chunks."""
    return request.can_read_body


async def append(
    request: web.Request, session: Session, start: int, checksum: Checksum | None
) -> Session:
    """Take the body in at an offset and return the session after it.

    Raises:
        SizeExceeded: The body is longer than what is missing; nothing of it was read if
            it said so itself.
        PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.receive`.
    """
    settings = request.app[RUNTIME].settings
    room = (settings.max_file_size if session.total_size is None else session.total_size) - start
    length = request.content_length
    if length is not None and length > room:
        raise SizeExceeded(
            f"the body has {length} bytes where at most {room} are missing",
            details={"offset": start, "max_length": room},
        )
    receipt = await request.app[RUNTIME].uploads.receive(
        request[PRINCIPAL],
        session.id,
        ChunkIntent(
            offset=start,
            length=length,
            max_length=room,
            checksum=checksum,
            headers=RequestHeaders(request.headers),
        ),
        RawBody(request, BodyLimits.of(settings), checksum=checksum),
    )
    return receipt.session


async def verdict(request: web.Request, session: Session) -> Completion | None:
    """Complete the upload and wait for what is to be said about the file.

    The work goes on if the client leaves, or if it takes longer than a client can be kept
    waiting; the import that follows is never waited for.

    Returns:
        What became of it, or ``None`` if there is no verdict yet.

    Raises:
        ContentRejected: The file is refused.
        PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.complete`.
    """
    uploads = request.app[RUNTIME].uploads
    try:
        async with asyncio.timeout(VERDICT_SECONDS):
            return await uploads.complete(request[PRINCIPAL], session.id)
    except TimeoutError:
        return None


async def document_id(request: web.Request, session: Session) -> int | None:
    """Return the document that the upload has become, waiting for the verdict if need be.

    Raises:
        PdfsluiceError: See :func:`verdict`.
    """
    if session.state is SessionState.COMPLETED:
        return session.document_id
    completion = await verdict(request, session)
    return None if completion is None else completion.document.id


async def cancel(request: web.Request) -> None:
    """Free the upload; a document that it has become stays.

    Raises:
        SessionNotFound: There is no such upload.
    """
    session = await find(request)
    if session.state is not SessionState.COMPLETED:
        uploads = request.app[RUNTIME].uploads
        await uploads.cancel(request[PRINCIPAL], session.id, "cancelled by the client")


def document_url(document_id: int) -> str:
    """Return where the document is that an upload has become."""
    return f"/api/documents/{document_id}"


def amended(
    response: web.Response,
    status: int,
    *,
    reason: str | None = None,
    members: Mapping[str, object] | None = None,
) -> web.Response:
    """Return a problem with another status, and with members that a protocol defines."""
    known = orjson.loads(response.body) if isinstance(response.body, bytes) else {}
    response.set_status(status, reason)
    response.body = orjson.dumps({**known, "status": status, **(members or {})})
    return response


def initiation(
    options: Mapping[str, str],
    *,
    protocol: Protocol,
    filename: str,
    total_size: int | None,
    expected_digest: str | None = None,
    partial: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Initiation:
    """Describe a new upload.

    Args:
        options: What the client may say of the upload beside the file: ``title``,
            ``client_id``, ``check_duplicates`` and ``auto_build_index``.
    """
    return Initiation(
        filename=filename,
        total_size=total_size,
        client_id=options.get("client_id", ""),
        title=options.get("title", ""),
        check_duplicates=_switch(options, "check_duplicates", default=True),
        auto_build_index=_switch(options, "auto_build_index", default=False),
        expected_digest=expected_digest,
        metadata=metadata or {},
        protocol=protocol,
        partial=partial,
    )


def _switch(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Read a switch; one that is named without a value is on, as in tus metadata."""
    value = options.get(name)
    return default if value is None else value.strip().lower() in {"", "1", "true", "yes", "on"}
