"""Resumable uploads (draft-ietf-httpbis-resumable-upload) at ``/resumable``.

Section names in docstrings are those of the draft, interop version 8. A request without
``Upload-Complete`` is an ordinary upload: ``curl --data-binary @file.pdf URL`` works.
"""

from collections import Counter
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import hdrs, web

from pdfsluice.core.errors import PdfsluiceError, ProtocolError, SizeExceeded
from pdfsluice.core.models.sessions import Protocol as UploadProtocol
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.uploads.completing.results import Completion
from pdfsluice.core.uploads.lifecycle import OPEN
from pdfsluice.server.app_keys import PRINCIPAL, RUNTIME
from pdfsluice.server.problems import UnsupportedMedia
from pdfsluice.server.protocols import appending
from pdfsluice.server.routes import add_public
from pdfsluice.server.transport.expectations import withhold_continue
from pdfsluice.server.transport.structured_fields import (
    format_boolean,
    format_digest,
    format_preferences,
    read_boolean,
    read_checksum,
    read_integer,
    read_sha256,
)

from . import fields
from .interim import ProgressReports, send_interim
from .responses import (
    CompletedUpload,
    Handler,
    InconsistentLength,
    OffsetMismatch,
    UnsupportedDraft,
    guarded,
    limits,
    refusal,
)

PREFIX: Final = "/resumable"
MEDIA_TYPE: Final = "application/partial-upload"

_RESOURCE: Final = f"{PREFIX}/{{session_id}}"
_UNNAMED: Final = "upload.pdf"
_APPENDS = web.AppKey("_APPENDS", Counter[str])  # running requests that append, by session


class OrdinaryAnswers(Protocol):
    """The answers of the server to an upload without a resumable protocol."""

    async def completed(self, completion: Completion) -> web.Response:
        """Answer an upload that became a document."""
        ...

    def accepted(self, session_id: str, status: str) -> web.Response:
        """Answer an upload whose completion continues without the client."""
        ...


_ORDINARY: Final[web.AppKey[OrdinaryAnswers]] = web.AppKey("_ORDINARY")


def add_routes(app: web.Application, ordinary: OrdinaryAnswers) -> None:
    """Add the target of new uploads, and the upload resources.

    Args:
        app: The application.
        ordinary: Answers a request whose upload is complete.
    """
    app[_APPENDS] = Counter()
    app[_ORDINARY] = ordinary
    add_public(app, _add_discovery)
    routes: tuple[tuple[str, str, Handler], ...] = (
        ("POST", PREFIX, _create),
        ("HEAD", _RESOURCE, _head),
        ("PATCH", _RESOURCE, _append),
        ("DELETE", _RESOURCE, _cancel),
    )
    for method, path, handler in routes:
        app.router.add_route(method, path, guarded(handler), expect_handler=withhold_continue)


def _add_discovery(app: web.Application) -> None:
    for path in (PREFIX, _RESOURCE):
        app.router.add_route("OPTIONS", path, _options)


async def _options(request: web.Request) -> web.Response:
    """Limits: a client can ask for support, limits and digests before it begins."""
    headers = {"Accept-Patch": MEDIA_TYPE, "Upload-Limit": limits(request, None)}
    headers["Want-Repr-Digest"] = "sha-256=10"  # the digest of a whole file is a SHA-256
    if algorithms := request.app[RUNTIME].registry.checksums:
        headers["Want-Content-Digest"] = format_preferences(algorithms)
    return web.Response(status=204, headers=headers)


async def _create(request: web.Request) -> web.Response:
    """Upload Creation."""
    complete = _announced_complete(request)
    version = fields.interop_version(request.headers) if complete is not None else None
    length = _length(request, position=0, complete=complete is not False)
    digest = read_sha256(request.headers, "Repr-Digest")
    session = await request.app[RUNTIME].uploads.initiate(
        request[PRINCIPAL],
        appending.initiation(
            request.query,
            protocol=UploadProtocol.IETF,
            software=request.headers.get(hdrs.USER_AGENT, ""),
            filename=fields.filename(request.headers) or _UNNAMED,
            total_size=length,
            expected_digest=None if digest is None else digest.value.hex(),
        ),
    )
    location = appending.location(request, PREFIX, session)
    where = {hdrs.LOCATION: location, "Upload-Limit": limits(request, session)}
    announced = await send_interim(request, version, where)
    async with appending.new_upload(request, session, location, announced=announced):
        response = await _receive_all(request, session, 0, complete=complete is not False)
    response.headers.update(where)
    return response


async def _append(request: web.Request) -> web.Response:
    """Append the body to the upload (the draft's "Upload Append")."""
    if request.content_type != MEDIA_TYPE:
        raise UnsupportedMedia(f"the body must be of type {MEDIA_TYPE}")
    position = read_integer(request.headers, "Upload-Offset")
    complete = _announced_complete(request)
    if position is None or complete is None:
        raise ProtocolError("Upload-Offset and Upload-Complete are needed, each with a valid value")
    session = await appending.find(request)
    if session.state not in OPEN:
        if appending.has_body(request):
            raise InconsistentLength("the upload is complete and accepts no more bytes")
        raise CompletedUpload("the upload is complete already")
    current = appending.offset(session)
    # Concurrency: an offset that was reported must be accepted, although a request that the
    # client has abandoned may have appended more since. This request replaces it.
    abandoned = request.app[_APPENDS][session.id] and position < current
    if position != current and not abandoned:
        raise OffsetMismatch(current, position)
    length = _length(request, position=position, complete=complete)
    if length is not None:
        session = await _settle_length(request, session, length)
    return await _receive_all(request, session, position, complete=complete)


async def _receive_all(
    request: web.Request, session: Session, position: int, *, complete: bool
) -> web.Response:
    """Append the body and, if it is announced as the rest, complete the upload."""
    if appending.has_body(request):
        session = await _receive(request, session, position)
    if not complete:
        created = request.method == hdrs.METH_POST
        return web.Response(
            status=HTTPStatus.CREATED if created else HTTPStatus.NO_CONTENT,
            headers={"Upload-Complete": "?0", "Upload-Offset": str(appending.offset(session))},
        )
    position = appending.offset(session)
    session = await _settle_length(request, session, position)
    try:
        response = await _result(request, session)
    except PdfsluiceError as error:
        if error.retryable:
            raise
        response = refusal(error, request)
    response.headers.update({"Upload-Complete": "?1", "Upload-Offset": str(position)})
    return response


async def _receive(request: web.Request, session: Session, start: int) -> Session:
    async def position() -> int:
        return appending.offset(await uploads.get(request[PRINCIPAL], session.id))

    uploads = request.app[RUNTIME].uploads
    algorithms = request.app[RUNTIME].registry.checksums
    checksum = read_checksum(request.headers, "Content-Digest", algorithms)
    appends = request.app[_APPENDS]
    appends[session.id] += 1
    try:
        async with ProgressReports(request, fields.interop_version(request.headers), position):
            return await appending.append(request, session, start, checksum)
    except SizeExceeded:
        if session.total_size is not None and request.content_length is None:
            # Upload Append: an upload that ran past its length must not be used any further.
            await uploads.cancel(request[PRINCIPAL], session.id, "longer than announced")
        raise
    finally:
        appends[session.id] -= 1
        if not appends[session.id]:
            del appends[session.id]


async def _settle_length(request: web.Request, session: Session, length: int) -> Session:
    """Length: all indications must agree."""
    if session.total_size is None:
        uploads = request.app[RUNTIME].uploads
        return await uploads.set_total_size(request[PRINCIPAL], session.id, length)
    if session.total_size != length:
        raise InconsistentLength(
            f"the upload has {session.total_size} bytes by an earlier request, {length} by this"
        )
    return session


async def _result(request: web.Request, session: Session) -> web.Response:
    """Responses to Uploads: the answer to an ordinary upload of the whole file."""
    ordinary = request.app[_ORDINARY]
    completion = await appending.verdict(request, session)
    if completion is None:
        return ordinary.accepted(session.id, "processing")
    response = await ordinary.completed(completion)
    response.headers[hdrs.CONTENT_LOCATION] = appending.document_url(completion.document.id)
    response.headers["Repr-Digest"] = format_digest(completion.document.sha256)
    return response


async def _head(request: web.Request) -> web.Response:
    """Offset Retrieval. Takes no lock and leaves a running append alone.

    A complete upload is answered after the verdict: the client missed the answer to
    the last byte, and would read ``?1`` as success.
    """
    session = await appending.find(request)
    document_id = None
    if session.state not in OPEN:
        document_id = await appending.document_id(request, session)
    headers = {
        "Upload-Offset": str(appending.offset(session)),
        "Upload-Complete": format_boolean(session.state not in OPEN),
        "Upload-Limit": limits(request, session),
        hdrs.CACHE_CONTROL: "no-store",
    }
    if session.total_size is not None:
        headers["Upload-Length"] = str(session.total_size)
    if document_id is not None:
        headers[hdrs.CONTENT_LOCATION] = appending.document_url(document_id)
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)


async def _cancel(request: web.Request) -> web.Response:
    """Upload Cancellation."""
    await appending.cancel(request)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _announced_complete(request: web.Request) -> bool | None:
    """Return ``Upload-Complete``; ``None`` if the request is not a resumable upload.

    A malformed value is refused, although the draft lets a server ignore it: a part of a
    file would become a document.

    Raises:
        UnsupportedDraft: The request follows a draft that had ``Upload-Incomplete`` instead.
        ProtocolError: The value is malformed.
    """
    if "Upload-Incomplete" in request.headers:
        raise UnsupportedDraft
    complete = read_boolean(request.headers, "Upload-Complete")
    if complete is None and "Upload-Complete" in request.headers:
        raise ProtocolError("Upload-Complete must be ?1 or ?0")
    return complete


def _length(request: web.Request, *, position: int, complete: bool) -> int | None:
    """Length: the announcements of this request, one or two that must agree."""
    announced = read_integer(request.headers, "Upload-Length")
    content = request.content_length
    if content is None and not appending.has_body(request):
        content = 0
    end = None if content is None else position + content
    agree = announced is None or end is None or (end == announced if complete else end <= announced)
    if not agree:
        raise InconsistentLength(
            f"Upload-Length is {announced} bytes, the end of the body is at {end}"
        )
    return end if complete and end is not None else announced
