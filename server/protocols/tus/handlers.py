"""The tus protocol 1.0 at ``/files``, for the same sessions as the REST API.

Section names in docstrings are those of https://tus.io/protocols/resumable-upload.
"""

from collections.abc import Mapping
from email.utils import format_datetime
from typing import Final

from aiohttp import hdrs, web

from pdfsluice.core.errors import OffsetConflict, PermissionDenied, ProtocolError, UploadIncomplete
from pdfsluice.core.models.sessions import Checksum, Protocol, Session
from pdfsluice.core.uploads.creating import Initiation
from pdfsluice.core.uploads.lifecycle import OPEN, expiry
from pdfsluice.server.app_keys import PRINCIPAL, RUNTIME
from pdfsluice.server.problems import UnsupportedMedia
from pdfsluice.server.protocols import appending
from pdfsluice.server.routes import add_public
from pdfsluice.server.transport.expectations import withhold_continue

from .dispatch import (
    PREFIX,
    VERSION,
    Handler,
    dispatcher,
    mark_response,
)
from .headers import (
    CONCAT_KEY,
    Concat,
    format_metadata,
    parse_checksum,
    parse_concat,
    parse_count,
    parse_metadata,
    plain_text,
)

EXTENSIONS: Final = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "termination",
    "concatenation",
)
MEDIA_TYPE: Final = "application/offset+octet-stream"

_RESOURCE: Final = f"{PREFIX}/{{session_id}}"
_UNNAMED: Final = "upload.pdf"


class UploadClosed(PermissionDenied):
    """The upload has all its bytes, or is made of others, and takes none."""

    code = "upload-closed"


def add_routes(app: web.Application) -> None:
    """Add the creation URL and the upload URLs."""
    add_public(app, _add_discovery)
    routes: tuple[tuple[str, Mapping[str, Handler]], ...] = (
        (PREFIX, {"POST": _create}),
        (_RESOURCE, {"HEAD": _head, "PATCH": _patch, "DELETE": _delete}),
    )
    for path, handlers in routes:
        app.router.add_route("*", path, dispatcher(handlers), expect_handler=withhold_continue)
    app.on_response_prepare.append(mark_response)


def _add_discovery(app: web.Application) -> None:
    for path in (PREFIX, _RESOURCE):
        app.router.add_route("OPTIONS", path, _options)


async def _options(request: web.Request) -> web.Response:
    """Core Protocol, OPTIONS."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(int(request.app[RUNTIME].settings.max_file_size)),
    }
    if algorithms := _algorithms(request):
        headers["Tus-Extension"] += ",checksum"
        headers["Tus-Checksum-Algorithm"] = ",".join(algorithms)
    return web.Response(status=204, headers=headers)


async def _create(request: web.Request) -> web.Response:
    """Creation, Creation With Upload and Concatenation, POST."""
    concat = _concat(request)
    with_upload = appending.has_body(request)
    checksum = _check_body(request) if with_upload else None
    if concat is not None and not concat.partial:
        return await _concatenate(request, concat)
    session = await request.app[RUNTIME].uploads.initiate(
        request[PRINCIPAL],
        _initiation(request, concat, _announced_length(request)),
    )
    where = appending.location(request, PREFIX, session)
    async with appending.new_upload(request, session, where):
        if with_upload:
            session = await appending.append(request, session, 0, checksum)
        headers = await _progress_headers(request, session)
    return web.Response(status=201, headers={hdrs.LOCATION: where, **headers})


async def _concatenate(request: web.Request, concat: Concat) -> web.Response:
    """Concatenation, POST of a final upload."""
    if "Upload-Length" in request.headers:
        raise ProtocolError("a final upload has the length of its parts, and no Upload-Length")
    session = await request.app[RUNTIME].uploads.concatenate(
        request[PRINCIPAL], _initiation(request, concat, None), concat.parts
    )
    headers = await _progress_headers(request, session)
    headers[hdrs.LOCATION] = appending.location(request, PREFIX, session)
    return web.Response(status=201, headers=headers)


async def _head(request: web.Request) -> web.Response:
    """Core Protocol, HEAD. Takes no lock and leaves a running PATCH alone."""
    session = await appending.find(request)
    headers = {hdrs.CACHE_CONTROL: "no-store", **await _progress_headers(request, session)}
    if session.total_size is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(session.total_size)
    if metadata := format_metadata(session.metadata):
        headers["Upload-Metadata"] = metadata
    if concat := session.metadata.get(CONCAT_KEY):
        headers[CONCAT_KEY] = concat
    return web.Response(headers=headers)


async def _patch(request: web.Request) -> web.Response:
    """Core Protocol, PATCH."""
    checksum = _check_body(request)
    position = parse_count("Upload-Offset", request.headers.get("Upload-Offset", ""))
    session = await appending.find(request)
    if session.metadata.get(CONCAT_KEY, "").startswith("final"):
        raise UploadClosed("the upload is a concatenation of others and accepts no bytes itself")
    session = await _settle_length(request, session)
    if position != appending.offset(session):
        raise OffsetConflict(
            f"the upload stands at {appending.offset(session)}, not at {position}",
            hint="Query the offset with HEAD.",
            details={"offset": appending.offset(session)},
        )
    if appending.has_body(request):
        if session.state not in OPEN:
            raise UploadClosed("the upload has all its bytes")
        session = await appending.append(request, session, position, checksum)
    return web.Response(status=204, headers=await _progress_headers(request, session))


async def _settle_length(request: web.Request, session: Session) -> Session:
    """Creation, POST: a deferred length is set once."""
    announced = request.headers.get("Upload-Length")
    if announced is None:
        return session
    length = parse_count("Upload-Length", announced)
    if session.total_size is None:
        return await request.app[RUNTIME].uploads.set_total_size(
            request[PRINCIPAL], session.id, length
        )
    if session.total_size != length:
        raise ProtocolError(f"the upload's length is {session.total_size} and cannot be changed")
    return session


async def _delete(request: web.Request) -> web.Response:
    """Termination, DELETE."""
    await appending.cancel(request)
    return web.Response(status=204)


async def _progress_headers(request: web.Request, session: Session) -> dict[str, str]:
    """Return the state of the upload; after its last byte, wait for the verdict.

    Clients read an offset equal to the length as success, so a refusal must come first. An
    upload whose last byte came just before a crash is completed when its state is queried.
    """
    position = appending.offset(session)
    headers = {"Upload-Offset": str(position)}
    if position == session.total_size and session.metadata.get(CONCAT_KEY) != "partial":
        try:
            document_id = await appending.document_id(request, session)
        except UploadIncomplete:  # stored bytes were damaged, and are to be sent again
            uploads = request.app[RUNTIME].uploads
            session = await uploads.get(request[PRINCIPAL], session.id)
            if appending.offset(session) == position:
                raise
            return await _progress_headers(request, session)
        if document_id is not None:
            headers[hdrs.CONTENT_LOCATION] = appending.document_url(document_id)
    elif session.state in OPEN:
        expires = expiry(session, request.app[RUNTIME].settings)
        headers["Upload-Expires"] = format_datetime(expires, usegmt=True)
    return headers


def _check_body(request: web.Request) -> Checksum | None:
    """Core Protocol, PATCH, and Checksum: checks before the first byte."""
    if request.content_type != MEDIA_TYPE:
        raise UnsupportedMedia(f"the body must be of type {MEDIA_TYPE}")
    if "upload-checksum" in request.headers.get("Trailer", "").lower():
        raise ProtocolError("a checksum after the body is not supported; send it before the body")
    checksum = request.headers.get("Upload-Checksum")
    return None if checksum is None else parse_checksum(checksum, _algorithms(request))


def _algorithms(request: web.Request) -> list[str]:
    """Return the names of the registered checksum algorithms, the preferred first."""
    return [spec.name for spec in request.app[RUNTIME].registry.checksums]


def _concat(request: web.Request) -> Concat | None:
    header = request.headers.get(CONCAT_KEY)
    return None if header is None else parse_concat(header, PREFIX)


def _announced_length(request: web.Request) -> int | None:
    """Creation, POST: a length, or the promise of one."""
    length = request.headers.get("Upload-Length")
    deferred = request.headers.get("Upload-Defer-Length")
    if deferred not in (None, "1") or (length is None) == (deferred is None):
        raise ProtocolError("send either Upload-Length or Upload-Defer-Length: 1")
    return None if length is None else parse_count("Upload-Length", length)


def _initiation(request: web.Request, concat: Concat | None, length: int | None) -> Initiation:
    metadata = parse_metadata(request.headers.get("Upload-Metadata", ""))
    if concat is not None:
        metadata[CONCAT_KEY] = concat.raw
    options = {key: plain_text(value) for key, value in metadata.items()}
    return appending.initiation(
        options,
        protocol=Protocol.TUS,
        software=request.headers.get(hdrs.USER_AGENT, ""),
        filename=options.get("filename") or options.get("name") or _UNNAMED,
        total_size=length,
        expected_digest=options.get("expected_hash"),
        partial=concat is not None and concat.partial,
        metadata=metadata,
    )
