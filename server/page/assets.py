"""The web page: its files, and the JavaScript client that it uses.

All files are read when the server starts. A request can only name one of them, so there
is no path to traverse. Entity tags avoid sending a file again that the browser has.
"""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import ETag, hdrs, web

_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self' blob:",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_HEADERS: Mapping[str, str] = {
    # Files are revalidated each time: after an update the page is never half old.
    hdrs.CACHE_CONTROL: "no-cache",
    "Content-Security-Policy": "; ".join(f"{kind} {source}" for kind, source in _SOURCES.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_TYPES: Mapping[str, str] = {
    # Fixed here because the tables of operating systems differ.
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}
_TEXT = ("text/", "image/svg")
_ASSET_ADDRESS = re.compile(rb"""(["'(])(/assets/)""")


@dataclass(frozen=True, slots=True)
class _Asset:
    """One file, ready to be sent.

    Attributes:
        body: Its bytes.
        compressed: The same under gzip; ``None`` if that saves nothing.
        content_type: Media type with its charset.
        tag: Digest of the bytes.
    """

    body: bytes
    compressed: bytes | None
    content_type: str
    tag: str

    @classmethod
    def of(cls, name: str, body: bytes) -> "_Asset":
        suffix = name[name.rfind(".") :]
        media = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        is_text = media.startswith(_TEXT)
        return cls(
            body=body,
            compressed=gzip.compress(body, mtime=0) if is_text else None,
            content_type=f"{media}; charset=utf-8" if is_text else media,
            tag=hashlib.sha256(body).hexdigest()[:32],
        )


class _Assets:
    """Files that were read at start-up, as answers."""

    def __init__(self, assets: Mapping[str, _Asset]) -> None:
        self._assets = assets

    async def index(self, request: web.Request) -> web.Response:
        """Return the page itself."""
        return _answer(request, self._assets["index.html"])

    async def asset(self, request: web.Request) -> web.Response:
        """Return one of the page's files."""
        asset = self._assets.get(request.match_info["path"])
        if asset is None:
            raise web.HTTPNotFound
        return _answer(request, asset)


def add_routes(app: web.Application, *, root_path: str = "") -> None:
    """Serve the page at ``/`` and its files below ``/assets/``.

    Args:
        app: The application.
        root_path: The path under which a proxy shows the server.

    Raises:
        FileNotFoundError: The installation lacks the page's files.
    """
    assets = _Assets(_assets(root_path))
    app.router.add_get("/", assets.index)
    app.router.add_get("/assets/{path:.+}", assets.asset)


@cache
def _assets(root_path: str) -> Mapping[str, _Asset]:
    """Return the files by name; a process reads and compresses them once."""
    return {
        name: _Asset.of(name, _mounted(name, body, root_path))
        for name, body in (
            *_read(files("pdfsluice.server.page") / "static"),
            *_read(files("pdfsluice.client") / "js" / "src", prefix="client/"),
        )
    }


def _mounted(name: str, body: bytes, root_path: str) -> bytes:
    """Put the path of the server in front of the addresses of assets in a text."""
    if not root_path or not name.endswith((".html", ".js", ".css")):
        return body
    return _ASSET_ADDRESS.sub(rb"\1" + root_path.encode() + rb"\2", body)


def _read(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _read(entry, prefix=f"{name}/")
        else:
            yield name, entry.read_bytes()


def _answer(request: web.Request, asset: _Asset) -> web.Response:
    zipped = asset.compressed is not None and _accepts_gzip(request)
    tag = ETag(value=f"{asset.tag}-gz" if zipped else asset.tag)
    tags = request.if_none_match
    if tags and any(each.value in {"*", tag.value} for each in tags):
        response = web.Response(status=304, headers=_HEADERS)
    else:
        body = asset.compressed if zipped else asset.body
        headers = {**_HEADERS, hdrs.CONTENT_TYPE: asset.content_type}
        response = web.Response(body=body, headers=headers)
        if zipped:
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    response.etag = tag
    return response


def _accepts_gzip(request: web.Request) -> bool:
    """Return whether the browser accepts gzip; ``gzip;q=0`` means that it does not."""
    for part in request.headers.get(hdrs.ACCEPT_ENCODING, "").split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
