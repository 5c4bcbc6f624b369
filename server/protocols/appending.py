"""Common parts of tus and resumable uploads: an upload grows at its end.

Both work on the same sessions as the REST API. Their offset is the end of the contiguous
committed prefix, so an upload that was begun in chunks can be finished here.
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
from pdfsluice.core.models.sessions import (
    Checksum,
    ChunkIntent,
    Protocol,
    Session,
    SessionState,
)
from pdfsluice.core.uploads.completing.results import Completion
from pdfsluice.core.uploads.creating import Initiation
from pdfsluice.core.uploads.lifecycle import OPEN, refusal
from pdfsluice.server.app_keys import PRINCIPAL, REQUEST_ID, RUNTIME
from pdfsluice.server.problems import problem, status_of
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.framing import host_of
from pdfsluice.server.transport.reading import RawBody
from pdfsluice.server.transport.request_headers import RequestHeaders

VERDICT_TIMEOUT: Final = 30.0
"""Seconds that the answer to the last byte waits for the verdict on the file."""

_PROXY_HEADERS: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "Via")
_RESUMABLE_AT: Final = web.RequestKey("_RESUMABLE_AT", str)
"""The URL of an upload that a failed request has opened and that can be resumed."""
_ALL_BYTES: Final = (SessionState.VALIDATING, SessionState.IMPORTING, SessionState.COMPLETED)


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
    if error is not None and not has_all_bytes(session):
        raise error
    return session


def has_all_bytes(session: Session) -> bool:
    """Return whether the upload has all its bytes and its completion has begun."""
    return session.state in _ALL_BYTES


def offset(session: Session) -> int:
    """Return the offset at which the client has to continue."""
    if has_all_bytes(session) and session.total_size is not None:
        return session.total_size
    return session.committed.frontier


def location(request: web.Request, prefix: str, session: Session) -> str:
    """Return the URL of the upload resource.

    It is absolute, because some clients (aiotus) cannot resolve a path. Behind a proxy the
    server knows its public address only from the setting ``public_url``: without it the
    result is a path.
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
    request: web.Request, session: Session, where: str, *, announced: bool = False
) -> AsyncIterator[None]:
    """Decide whether an upload survives the failure of the request that opened it.

    It can if the error may pass and the upload has bytes: then the answer has its URL. A
    client that received the URL before retries after every error of the server (resumable
    uploads, Upload Creation, Client Behavior). Otherwise no client returns to the upload, and
    it is cancelled to release its space.

    Args:
        where: The URL of the upload.
        announced: Whether an interim response had the URL.
    """
    try:
        yield
    except PdfsluiceError as error:
        uploads = request.app[RUNTIME].uploads
        session = await uploads.get(request[PRINCIPAL], session.id)
        expected = announced and status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR
        if error.retryable and (expected or offset(session)):
            request[_RESUMABLE_AT] = where
        elif session.state in OPEN:
            with suppress(StateConflict):  # it has ended meanwhile
                await uploads.cancel(request[PRINCIPAL], session.id, error.message)
        raise


def refused(error: PdfsluiceError, request: web.Request) -> web.Response:
    """Return an error as a problem, with the URL of an upload that can be resumed."""
    response = problem(error, request.get(REQUEST_ID, ""))
    if _RESUMABLE_AT in request:
        response.headers[hdrs.LOCATION] = request[_RESUMABLE_AT]
    return response


def has_body(request: web.Request) -> bool:
    """Return whether body bytes are announced, by length or as chunks."""
    return request.can_read_body


async def append(
    request: web.Request, session: Session, start: int, checksum: Checksum | None
) -> Session:
    """Receive the body at an offset and return the session after it.

    Raises:
        SizeExceeded: The body is longer than what is missing; nothing of it was read if
            its length was announced.
        PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.receive`.
    """
    settings = request.app[RUNTIME].settings
    space = (settings.max_file_size if session.total_size is None else session.total_size) - start
    length = request.content_length
    if length is not None and length > space:
        raise SizeExceeded(
            f"the body has {length} bytes where at most {space} are missing",
            details={"offset": start, "max_length": space},
        )
    receipt = await request.app[RUNTIME].uploads.receive(
        request[PRINCIPAL],
        session.id,
        ChunkIntent(
            offset=start,
            length=length,
            max_length=space,
            checksum=checksum,
            headers=RequestHeaders(request.headers),
        ),
        RawBody(request, BodyLimits.of(settings), checksum=checksum),
    )
    return receipt.session


async def verdict(request: web.Request, session: Session) -> Completion | None:
    """Complete the upload and wait for the verdict on the file.

    The work continues if the client leaves, or if it takes longer than a client can be made
    to wait. The import that follows is never waited for.

    Returns:
        The result, or ``None`` if there is no verdict yet.

    Raises:
        ContentRejected: The file is refused.
        PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.complete`.
    """
    uploads = request.app[RUNTIME].uploads
    try:
        async with asyncio.timeout(VERDICT_TIMEOUT):
            return await uploads.complete(request[PRINCIPAL], session.id)
    except TimeoutError:
        return None


async def document_id(request: web.Request, session: Session) -> int | None:
    """Return the document of the upload; wait for the verdict if necessary.

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
        await uploads.cancel(request[PRINCIPAL], session.id)


def document_url(document_id: int) -> str:
    """Return the URL path of the document that an upload has become."""
    return f"/api/documents/{document_id}"


def amended(
    response: web.Response,
    status: int,
    *,
    reason: str | None = None,
    members: Mapping[str, object] | None = None,
) -> web.Response:
    """Return a problem with another status, and with members that a protocol defines."""
    body = orjson.loads(response.body) if isinstance(response.body, bytes) else {}
    response.set_status(status, reason)
    title = {"title": response.reason, "status": status}
    response.body = orjson.dumps({**body, **title, **(members or {})})
    return response


def initiation(
    options: Mapping[str, str],
    *,
    protocol: Protocol,
    software: str,
    filename: str,
    total_size: int | None,
    expected_digest: str | None = None,
    partial: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Initiation:
    """Describe a new upload.

    Args:
        options: What the client may announce in addition to the file: ``title``,
            ``client_id``, ``check_duplicates``, ``auto_build_index`` and ``encryption``.
        software: The ``User-Agent`` of the request.
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
        software=software,
        encryption=options.get("encryption", ""),
    )


def _switch(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Read a switch; one that is named without a value is on, as in tus metadata."""
    value = options.get(name)
    return default if value is None else value.strip().lower() in {"", "1", "true", "yes", "on"}
