"""Checks the head of a request, before a handler runs or a body byte is read.

aiohttp hands on what its parser accepts. Several header fields are defined to occur once, or
to be read as one list from all their lines; code that looks at the first line alone can read
one thing while a proxy reads another (RFC 9110, 5.3; RFC 9112, 11.2).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11
from multidict import CIMultiDictProxy

from pdfsluice.core.errors import ProtocolError
from pdfsluice.server.problems import UnsupportedCoding, UnsupportedMedia

METHOD_OVERRIDE: Final = "X-HTTP-Method-Override"

_AUTHORITY: Final = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(?::(?P<port>[0-9]{0,5}))?", re.ASCII
)
_ALIASES: Final = {"x-gzip": "gzip"}  # RFC 9110, 8.4.1.3
_SINGLE_FIELDS: Final = (
    hdrs.AUTHORIZATION,
    hdrs.CONTENT_DISPOSITION,
    hdrs.CONTENT_TYPE,
    hdrs.HOST,
    hdrs.IF_RANGE,
    hdrs.ORIGIN,
    hdrs.RANGE,
    "Sec-Fetch-Site",
    "Tus-Resumable",
    "Upload-Checksum",
    "Upload-Complete",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Draft-Interop-Version",
    "Upload-Incomplete",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-API-Key",
    METHOD_OVERRIDE,
)
_BODY_FIELDS: Final = (
    hdrs.CONTENT_ENCODING,
    hdrs.TRANSFER_ENCODING,
    hdrs.CONTENT_RANGE,
    hdrs.EXPECT,
)


def combined(headers: Mapping[str, str], name: str) -> str | None:
    """Return a list field with its lines joined (RFC 9110, 5.3), or ``None``."""
    if isinstance(headers, CIMultiDictProxy) and name in headers:
        return ", ".join(headers.getall(name))
    return headers.get(name)


def host_of(request: web.BaseRequest) -> str:
    """Return the header ``Host`` as it was sent; empty if there is none.

    aiohttp's own property asks the system's resolver for a name if there is none.
    """
    return request.headers.get(hdrs.HOST, "")


def host_name(authority: str) -> str:
    """Return the host of an authority: no port, brackets or final dot; lower case."""
    match = _AUTHORITY.fullmatch(authority)
    return match["name"].strip("[]").rstrip(".").lower() if match else ""


def effective_method(request: web.BaseRequest) -> str:
    """Return the method that the request asks for (tus 1.0, X-HTTP-Method-Override)."""
    return request.headers.get(METHOD_OVERRIDE, request.method)


def check_head(request: web.BaseRequest) -> None:
    """Refuse a request whose head can be read in two ways.

    This comes before any decision that depends on the head.

    Raises:
        ProtocolError: A field that occurs once is there twice, or ``Host`` is malformed.
    """
    headers = request.headers
    if len({name.lower() for name in headers}) < len(headers):
        for name in _SINGLE_FIELDS:
            if len(headers.getall(name, ())) > 1:
                raise ProtocolError(f"the header field {name} was sent more than once")
    if hdrs.HOST not in headers and request.version >= HttpVersion11:
        raise ProtocolError("the header field Host is missing (RFC 9112, 3.2)")
    if not _AUTHORITY.fullmatch(host_of(request)):
        raise ProtocolError("the header field Host is not a host name with an optional port")


def content_coding(request: web.BaseRequest) -> str:
    """Return the coding of the body, in lower case; empty if it is not coded."""
    codings = [each for each in _members(request, hdrs.CONTENT_ENCODING) if each != "identity"]
    return ", ".join(_ALIASES.get(coding, coding) for coding in codings)


def check_body(request: web.BaseRequest, codings: Collection[str] = ()) -> None:
    """Refuse a body that is not the bytes of a whole representation.

    Args:
        request: The request; its body is not read.
        codings: In which the body may come; empty if it may not be compressed.

    Raises:
        UnsupportedMedia: The body is compressed in another way (RFC 9110, 15.5.16).
        UnsupportedCoding: It comes in a transfer coding other than ``chunked``.
        ProtocolError: It is announced as a part (``Content-Range``; RFC 9110, 14.4).
        web.HTTPExpectationFailed: ``Expect`` names something else than ``100-continue``.
    """
    if not any(name in request.headers for name in _BODY_FIELDS):
        return
    coding = content_coding(request)
    if coding and coding not in codings:
        raise UnsupportedMedia(
            f"a body with Content-Encoding {coding[:40]!r} is not accepted",
            hint=f"Send it as {' or '.join(codings)}, or as it is."
            if codings
            else "Send the bytes as they are. Chunks sent with PUT may be compressed.",
            details={"accept_encoding": [*codings, "identity"]},
        )
    transfer = _members(request, hdrs.TRANSFER_ENCODING)
    if transfer and [*transfer] != ["chunked"]:
        raise UnsupportedCoding(
            f"the transfer coding {', '.join(transfer)[:40]!r} is not supported",
            hint="Send the body with Content-Length, or with Transfer-Encoding: chunked.",
        )
    if hdrs.CONTENT_RANGE in request.headers:
        raise ProtocolError(
            "the body is announced as a part (Content-Range), which this server does not store",
            hint="Send parts with chunk_offset, tus or resumable uploads; see /docs.",
        )
    expectations = _members(request, hdrs.EXPECT)
    if any(each != "100-continue" for each in expectations):
        text = ", ".join(expectations)[:40]
        raise web.HTTPExpectationFailed(text=f"the expectation {text!r} is not supported")


def _members(request: web.BaseRequest, name: str) -> Sequence[str]:
    """Return the members of a list field, in lower case."""
    text = combined(request.headers, name)
    if not text:
        return ()
    return [member for part in text.split(",") if (member := part.strip().lower())]
