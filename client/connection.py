"""Connections: trusted certificates, proxies, sessions and WebSockets."""

import ipaddress
import ssl
import urllib.request
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from yarl import URL

from .errors import ClientError

CONNECT_SECONDS = 15.0


def trusted(ca: Path | None) -> ssl.SSLContext:
    """Return the TLS context that verifies certificates.

    The authorities of the system are trusted (OpenSSL takes them from ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR`` if those are set), and in addition those in ``ca``.

    Args:
        ca: File with certificates of authorities in PEM.

    Raises:
        ClientError: The file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(cafile=ca)
        except ssl.SSLError as error:
            raise ClientError(
                f"{ca} holds no certificate of an authority",
                code="ca-invalid",
                hint="Give a file in PEM that begins with -----BEGIN CERTIFICATE-----.",
            ) from error
        except OSError as error:
            raise ClientError(
                f"the certificates in {ca} cannot be read: {error.strerror}", code="ca-invalid"
            ) from error
    return context


def proxy_for(server: URL) -> URL | None:
    """Return the proxy that the environment names for a server, if it names one.

    ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` are followed, in upper or
    lower case. A server on this machine is never asked through a proxy.

    Raises:
        ClientError: The proxy is not an HTTP proxy.
    """
    host = server.host or ""
    if _is_here(host) or urllib.request.proxy_bypass(f"{host}:{server.port}"):
        return None
    proxies = urllib.request.getproxies()
    address = proxies.get(server.scheme) or proxies.get("all")
    if not address:
        return None
    proxy = URL(address if "://" in address else f"http://{address}")
    if proxy.scheme not in {"http", "https"}:
        raise ClientError(
            f"the proxy {proxy.with_user(None)} is not an HTTP proxy",
            code="proxy-unsupported",
            hint="Set HTTPS_PROXY or HTTP_PROXY to an http:// address, or NO_PROXY to the server.",
        )
    return proxy


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_session(
    connector: aiohttp.TCPConnector, headers: Mapping[str, str], proxy: URL | None, *, owner: bool
) -> aiohttp.ClientSession:
    """Return a session for requests with these header fields."""
    return aiohttp.ClientSession(
        connector=connector,
        connector_owner=owner,
        proxy=proxy,
        headers={**headers, "User-Agent": "pdfsluice-client"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class Socket:
    """An open WebSocket that carries JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        await self._socket.send_str(orjson.dumps(message).decode())

    async def __aiter__(self) -> AsyncIterator[str]:
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                yield message.data
