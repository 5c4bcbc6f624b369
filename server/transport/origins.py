"""Checks of origins, host names and credentials, before a body byte is read."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from pdfsluice.core.plugins.ports.access import Credentials
from pdfsluice.server.problems import OriginRefused

from .framing import combined, effective_method, host_name, host_of

WEBSOCKET_PROTOCOL = "pdfsluice.v1"
_KEY_PROTOCOL = "bearer."
_SAFE = {"GET", "HEAD", "OPTIONS"}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_EXPOSED = (
    "Accept-Patch, Accept-Ranges, Content-Disposition, Content-Location, Content-Range, ETag,"
    " Location, Preference-Applied, RateLimit,"
    " RateLimit-Policy, Repr-Digest, Retry-After, Tus-Checksum-Algorithm,"
    " Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Complete, Upload-Concat,"
    " Upload-Defer-Length, Upload-Draft-Interop-Version, Upload-Expires, Upload-Length,"
    " Upload-Limit, Upload-Metadata, Upload-Offset, Want-Content-Digest, Want-Repr-Digest,"
    " X-Request-Id"
)
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


@dataclass(frozen=True, slots=True)
class Origins:
    """Which web pages may use the server.

    A browser sends requests for any page that its user opens. Without keys nothing but the
    origin distinguishes such a request from one that the user wants; and a page may give its own
    host name our address (DNS rebinding), so without keys the host name counts as well.

    Attributes:
        allowed: Origins in addition to the server's own; ``*`` for all.
        keys_required: Whether every caller has to show a key.
        host: The host name or address on which the server listens.
        public: The origin under which a proxy shows the server; empty if there is none.
    """

    allowed: Collection[str]
    keys_required: bool
    host: str
    public: str = ""

    def check(self, request: web.Request) -> None:
        """Refuse requests that the user of a browser has not caused.

        Raises:
            OriginRefused: The page or the host name is not ours.
        """
        if not self.keys_required and not self._known_host(request):
            raise OriginRefused(
                f"this server does not answer to the name {host_of(request)[:100]!r}",
                hint="Use localhost, or let the server require keys (pdfsluice keys add).",
            )
        upgrade = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
        methods = {request.method, effective_method(request)}
        if (upgrade or not methods <= _SAFE) and not self._known_origin(request):
            raise OriginRefused(
                "a web page of another origin may not send this request",
                hint="Add its origin to the setting cors_origins.",
            )

    def headers(self, request: web.Request) -> dict[str, str]:
        """Return the CORS headers of an answer."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or not self._listed(origin):
            return {}
        return {
            hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin,
            hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: _EXPOSED,
        }

    def preflight(self, request: web.Request) -> web.Response | None:
        """Return the answer to a preflight request; ``None`` for any other."""
        method = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD)
        if request.method != "OPTIONS" or method is None or hdrs.ORIGIN not in request.headers:
            return None
        response = web.Response(status=204)
        if self._listed(request.headers[hdrs.ORIGIN]):
            names = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").split(",")
            allowed = [name.strip() for name in names if _HEADER_NAME.fullmatch(name.strip())]
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = ", ".join(allowed)
            response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "7200"
        return response

    def _listed(self, origin: str) -> bool:
        return "*" in self.allowed or origin in self.allowed

    def _known_origin(self, request: web.Request) -> bool:
        site = request.headers.get("Sec-Fetch-Site")
        if site in {"same-origin", "none"}:
            return True
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None:
            return site is None  # not a browser, or one too old to send the field
        own = origin == self.public or _authority(origin) == host_of(request).lower()
        return own or self._listed(origin)

    def _known_host(self, request: web.Request) -> bool:
        if hdrs.HOST not in request.headers:  # HTTP/1.0 of a balancer; every browser names a host
            return True
        name = host_name(host_of(request))
        if name in {"localhost", self.host.lower()} or name.endswith(".localhost"):
            return True
        own = (*self.allowed, self.public)
        if any(_authority(origin) == host_of(request).lower() for origin in own):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def credentials(request: web.Request) -> Credentials:
    """Return the credentials that a request carries.

    Browsers cannot set headers on a WebSocket: there the key comes as a subprotocol,
    ``bearer.KEY``, in addition to the one that is used.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    offered = (combined(request.headers, hdrs.SEC_WEBSOCKET_PROTOCOL) or "").split(",")
    for protocol in (item.strip() for item in offered):
        if protocol.startswith(_KEY_PROTOCOL):
            headers.setdefault("authorization", f"Bearer {protocol.removeprefix(_KEY_PROTOCOL)}")
    return Credentials(headers=headers, query=dict(request.query), remote=request.remote or "")


def _authority(origin: str) -> str | None:
    """Return host and port of an origin; ``None`` if it has none or is malformed."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
