"""Requests to the server and its errors; knows HTTP, and nothing of uploads."""

import asyncio
import email.utils
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from .connection import CONNECT_SECONDS, Socket, open_session, proxy_for, trusted
from .decoding import decode
from .errors import (
    ClientError,
    UnexpectedAnswer,
    Unreachable,
)
from .intermediaries import foreign_answer
from .links import checked_link, link_of, refused_link
from .problems import error_from_problem

T = TypeVar("T")

_HEARTBEAT_SECONDS = 20.0
_READ_SIZE = 256 * 1024
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~"
"""Stay as they are in a path (RFC 3986, 3.3); what is encoded already stays, too."""
_ANSWER_LIMIT = 64 * 1024 * 1024
_CONTENT = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})
_BROKEN = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError, OSError)


class Transport:
    """A connection pool to one server, used as an async context manager.

    Args:
        base_url: Address of the server, with ``http://`` or ``https://``.
        api_key: Identifies the caller; ``None`` if the server needs none.
        timeout: Seconds without any byte after which a connection counts as broken.
        ca: File with certificates of further authorities that are trusted, in PEM.

    Raises:
        ValueError: The address is not an HTTP address.
        ClientError: The file with certificates, or the proxy of the environment, cannot be used.
    """

    def __init__(
        self, base_url: str, *, api_key: str | None, timeout: float, ca: Path | None = None
    ) -> None:
        try:
            self._base = URL(base_url.rstrip("/"))
        except ValueError:
            self._base = URL()
        if self._base.scheme not in {"http", "https"} or not self._base.host:
            raise ValueError(
                f"{base_url!r} is not the address of a server, such as http://HOST:PORT"
            )
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("the API key has line breaks, or letters that no key has")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout = timeout
        self._proxy = proxy_for(self._base)
        self._trust = trusted(ca) if self._base.scheme == "https" or ca is not None else True
        self._http: aiohttp.ClientSession | None = None
        self._keyless: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._trust)
        self._http = open_session(connector, self._headers, self._proxy, owner=True)
        self._keyless = open_session(connector, {}, None, owner=False)
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._http is not None and self._keyless is not None:
            await self._keyless.close()
            await self._http.close()

    async def call(
        self,
        kind: type[T],
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of the whole call, retries are above
    ) -> T:
        """Make a request and read its answer.

        Args:
            kind: What the answer is.
            method: HTTP method.
            path: Path below the server's address, with its leading slash.
            query: Query parameters.
            json: Body.
            timeout: Seconds that the answer may take; by default those of the transport.

        Raises:
            ClientError: The server refuses, answers nonsense or cannot be reached.
        """
        headers = {"Content-Type": "application/json"} if json is not None else {}
        data = orjson.dumps(json) if json is not None else None
        async with self._patiently(timeout or self._timeout):
            body = await self._exchange(method, path, query=query, data=data, headers=headers)
        return decode(kind, body)

    async def send(
        self,
        kind: type[T],
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        length: int,
        body: AsyncIterator[bytes],
        sent: Callable[[int], None],
    ) -> T:
        """Put a body of known length, slice by slice, and read the answer.

        Only what the server lets us wait for counts as its silence, not what ``body`` takes.

        Raises:
            ClientError: The server refuses, answers nonsense or cannot be reached.
        """
        async with self._patiently(self._timeout) as patience:
            answer = await self._exchange(
                "PUT",
                path,
                query=query,
                data=self._observed(body, patience, sent),
                headers={
                    "Content-Type": "application/octet-stream",
                    **headers,
                    "Content-Length": str(length),
                },
            )
        return decode(kind, answer)

    async def send_elsewhere(
        self,
        address: str,
        *,
        headers: Mapping[str, str],
        length: int,
        body: AsyncIterator[bytes],
        sent: Callable[[int], None],
    ) -> None:
        """Put a body of known length to a link of the server, without the key.

        Raises:
            ClientError: The other host refuses or cannot be reached, or the link is none.
        """
        link = checked_link(address, self._base)
        async with (
            self._patiently(self._timeout, link.origin()) as patience,
            self._elsewhere.put(
                link,
                data=self._observed(body, patience, sent),
                headers={**headers, "Content-Length": str(length)},
                skip_auto_headers=("Content-Type",),
                proxy=proxy_for(link),
                allow_redirects=False,
            ) as answer,
        ):
            if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise refused_link(answer, "chunks")

    async def _observed(
        self, body: AsyncIterator[bytes], patience: asyncio.Timeout, sent: Callable[[int], None]
    ) -> AsyncIterator[bytes]:
        """Yield a body; only the time in which it is not read counts as silence."""
        loop = asyncio.get_running_loop()
        patience.reschedule(None)
        async for data in body:
            patience.reschedule(loop.time() + self._timeout)
            yield data
            patience.reschedule(None)
            sent(len(data))
        patience.reschedule(loop.time() + self._timeout)

    async def receive(
        self, path: str, *, start: int, take: Callable[[int, bytes], Awaitable[None]]
    ) -> None:
        """Get a body from an offset on, slice by slice (RFC 9110, 14).

        If the server redirects, the other host is asked, without the key.

        Args:
            path: Path below the server's address.
            start: Offset of the first byte that is wanted.
            take: Given each slice with its offset; begins at 0 if the server sends the whole.

        Raises:
            ClientError: The server refuses, or the connection breaks.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        async with (
            self._patiently(self._timeout) as patience,
            self._session.get(
                self._url(path, None), headers=headers, allow_redirects=False
            ) as answer,
        ):
            link = link_of(answer)
            if link is None:
                if answer.status not in _CONTENT:
                    raise _error(answer, await answer.content.read(_ANSWER_LIMIT))
                await self._take(answer, patience, start, take)
                return
        async with (
            self._patiently(self._timeout, link.origin()) as patience,
            self._elsewhere.get(
                link, headers=headers, proxy=proxy_for(link), allow_redirects=False
            ) as answer,
        ):
            if answer.status not in _CONTENT or answer.content_type == "text/html":
                raise refused_link(answer, "downloads")
            await self._take(answer, patience, start, take)

    async def _take(
        self,
        answer: aiohttp.ClientResponse,
        patience: asyncio.Timeout,
        start: int,
        take: Callable[[int, bytes], Awaitable[None]],
    ) -> None:
        offset = start if answer.status == HTTPStatus.PARTIAL_CONTENT else 0
        async for data in answer.content.iter_chunked(_READ_SIZE):
            patience.reschedule(asyncio.get_running_loop().time() + self._timeout)
            await take(offset, data)
            offset += len(data)

    @asynccontextmanager
    async def listen(self, path: str, *, query: Mapping[str, str]) -> AsyncIterator[Socket]:
        """Open a WebSocket for the time of the context.

        Raises:
            ClientError: The server refuses it or cannot be reached, or the handshake gets
                no answer, as with some proxies.
        """
        async with self._patiently(min(self._timeout, CONNECT_SECONDS)) as patience:
            try:
                async with self._session.ws_connect(
                    self._url(path, query), heartbeat=_HEARTBEAT_SECONDS
                ) as socket:
                    patience.reschedule(None)  # a broken line shows itself by the heartbeat
                    yield Socket(socket)
            except aiohttp.WSServerHandshakeError as error:
                raise UnexpectedAnswer(
                    f"the server refuses a WebSocket: {error.message}", status=error.status
                ) from error

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("use the client as a context manager: 'async with Client(...)'")
        return self._http

    @property
    def _elsewhere(self) -> aiohttp.ClientSession:
        """The session for links to other hosts, which sends no key."""
        if self._keyless is None:
            raise RuntimeError("use the client as a context manager: 'async with Client(...)'")
        return self._keyless

    def _url(self, path: str, query: Mapping[str, str] | None) -> URL:
        whole = self._base.raw_path.rstrip("/") + quote(path, safe=_PATH_CHARACTERS)
        url = self._base.with_path(whole, encoded=True)
        return url.with_query(query) if query else url

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        data: bytes | AsyncIterator[bytes] | None,
        headers: Mapping[str, str],
    ) -> bytes:
        async with self._session.request(
            method,
            self._url(path, query),
            data=data,
            headers=headers,
            allow_redirects=False,  # a key is shown to the server it was given for, to no other
        ) as answer:
            body = await answer.content.read(_ANSWER_LIMIT)
            while not answer.content.at_eof() and len(body) < _ANSWER_LIMIT:
                body += await answer.content.read(_ANSWER_LIMIT - len(body))
            if answer.ok and answer.status < 300:  # noqa: PLR2004 - a redirect is no answer
                return body or b"null"
            raise _error(answer, body)

    @asynccontextmanager
    async def _patiently(
        self, seconds: float, peer: URL | None = None
    ) -> AsyncIterator[asyncio.Timeout]:
        """Turn a broken, stalled or refused connection into :class:`Unreachable`.

        Args:
            seconds: How long the answer may take.
            peer: The host, if it is not the server.
        """
        host, proxy = peer or self._base, self._proxy if peer is None else proxy_for(peer)
        try:
            async with asyncio.timeout(seconds) as timeout:
                yield timeout
        except TimeoutError as error:
            raise Unreachable(
                f"{host} does not answer", hint="Is the network up? Try again."
            ) from error
        except aiohttp.InvalidURL as error:
            raise ClientError(f"{host} is not a valid address") from error
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "") or "it is not valid"
            raise Unreachable(
                f"the certificate of {host} is not trusted: {reason}",
                hint="If a private authority has issued it, give the authority's certificate with"
                " --ca FILE (ca=...) or SSL_CERT_FILE.",
            ) from error
        except aiohttp.ClientHttpProxyError as error:
            raise Unreachable(
                f"the proxy {_without_login(proxy)} refuses to connect to {host}:"
                f" {error.status} {error.message}",
                hint="Does it ask for a login (http://NAME:PASSWORD@HOST:PORT), and does it allow"
                " this server? NO_PROXY names servers that are asked directly.",
            ) from error
        except aiohttp.ClientProxyConnectionError as error:
            raise Unreachable(
                f"the proxy {_without_login(proxy)} cannot be reached: {_reason(error.os_error)}",
                hint="Check HTTP_PROXY and HTTPS_PROXY; NO_PROXY names servers that are asked"
                " directly.",
            ) from error
        except aiohttp.ClientSSLError as error:
            raise Unreachable(
                f"no secure connection to {host} came about: {error.os_error}",
                hint="Is it https there, not http, and is its certificate valid?",
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(
                f"{host} cannot be reached: {_reason(error.os_error)}",
                hint="Is the server running, and is the address right?",
            ) from error
        except _BROKEN as error:
            raise Unreachable(f"the connection to {host} was lost") from error
        except aiohttp.ClientError as error:
            raise UnexpectedAnswer(
                f"{host} does not answer in HTTP: {error}",
                hint="Check the address.",
            ) from error


def _reason(error: OSError) -> str:
    """Return the system's reason for an error, without asyncio's own wording."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _error(answer: aiohttp.ClientResponse, body: bytes) -> ClientError:
    retry_after = _seconds(answer.headers.get("Retry-After", ""))
    if "json" in answer.content_type:
        try:
            problem = orjson.loads(body)
        except orjson.JSONDecodeError:
            problem = None
        if isinstance(problem, dict):
            return error_from_problem(answer.status, problem, retry_after=retry_after)
    return foreign_answer(
        request=f"{answer.method} {answer.url.path}",
        status=answer.status,
        reason=answer.reason or "",
        software=answer.headers.get("Server", ""),
        body=body,
        retry_after=retry_after,
    )


def _without_login(proxy: URL | None) -> str:
    return "" if proxy is None else str(proxy.with_user(None))


def _seconds(retry_after: str) -> float | None:
    """Read a Retry-After field: seconds, or a date (RFC 9110, 10.2.3)."""
    digits = retry_after.strip()
    if digits.isascii() and digits.isdigit():
        return float(digits)
    try:
        moment = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())
