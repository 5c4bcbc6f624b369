"""A small HTTP/1.1 client that shows everything on the wire.

It writes what the test asks for, correct or not.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import h11
import orjson

_TIMEOUT = 60.0


class HeaderFields(dict[str, str]):
    """Header fields of one message; names are looked up in lower case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def listed(self, name: str) -> list[str]:
        """Split a comma-separated field; an absent one is empty."""
        value = super().get(name.lower(), "")
        return [item.strip() for item in value.split(",") if item.strip()]


@dataclass(frozen=True)
class Response:
    """A response, with the interim ones that came before it."""

    status: int
    headers: HeaderFields
    body: bytes = b""
    interim: tuple["Response", ...] = ()

    def json(self) -> Any:
        """Parse the body."""
        return orjson.loads(self.body)


@dataclass
class Connection:
    """One connection; used for one request, or for several one after another."""

    address: tuple[str, int]
    tls: bool = False
    timeout: float = _TIMEOUT
    _socket: socket.socket = field(init=False)
    _parser: h11.Connection = field(init=False)

    def __post_init__(self) -> None:
        self._socket = socket.create_connection(self.address, timeout=self.timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            context = ssl.create_default_context()
            self._socket = context.wrap_socket(self._socket, server_hostname=self.address[0])

    def start(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Send a request's head; ``Host`` is added."""
        host = f"{self.address[0]}:{self.address[1]}"
        self._parser = h11.Connection(h11.CLIENT)
        self._parser.send(h11.Request(method=method, target="/", headers=[("Host", host)]))
        self._parser.send(h11.EndOfMessage())
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def send(self, data: bytes) -> None:
        """Send bytes of the body, as they are."""
        self._socket.sendall(data)

    def send_chunk(self, data: bytes) -> None:
        """Send one chunk of a chunked body; the empty one ends it."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def next_interim(self) -> Response:
        """Wait for one interim response."""
        event = self._next_event()
        assert isinstance(event, h11.InformationalResponse), event
        return Response(event.status_code, _fields(event.headers))

    def finish(self) -> Response:
        """Read the final response."""
        interim: list[Response] = []
        while isinstance(event := self._next_event(), h11.InformationalResponse):
            interim.append(Response(event.status_code, _fields(event.headers)))
        if not isinstance(event, h11.Response):
            raise ConnectionResetError(f"no response, but {event!r}")
        body = b"".join(self._body())
        return Response(event.status_code, _fields(event.headers), body, tuple(interim))

    def _body(self) -> Iterator[bytes]:
        while isinstance(event := self._next_event(), h11.Data):
            yield bytes(event.data)

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        while (event := self._parser.next_event()) is h11.NEED_DATA:
            self._parser.receive_data(self._socket.recv(65536))
        return event

    def close(self, *, reset: bool = False) -> None:
        """Close the connection; ``reset`` as a crash of the client would."""
        if reset:
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()


def _fields(raw: Iterable[tuple[bytes, bytes]]) -> HeaderFields:
    fields = HeaderFields()
    for name, value in raw:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        fields[key] = f"{fields[key]}, {text}" if key in fields else text
    return fields


@dataclass(frozen=True)
class Server:
    """The server under test.

    Attributes:
        url: Where it is.
        headers: Sent with every request, such as credentials.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection and close it in the end."""
        parts = urlsplit(self.url)
        tls = parts.scheme == "https"
        address = (parts.hostname or "127.0.0.1", parts.port or (443 if tls else 80))
        connection = Connection(address, tls=tls)
        try:
            yield connection
        finally:
            connection.close()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Send one request on a connection of its own and return the final response.

        A server that has answered need not read the rest of a body (RFC 9112, 9.3 and 9.5):
        if it closes the connection meanwhile, its answer counts.
        """
        length = {} if body is None else {"Content-Length": str(len(body))}
        with self.connect() as connection:
            connection.start(method, self.path(url), {**self.headers, **length, **(headers or {})})
            if body:
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.send(body)
            return connection.finish()

    def path(self, url: str) -> str:
        """Return the path of an absolute or relative URL."""
        return urlsplit(urljoin(self.url, url)).path


def eventually(probe: Any, *, seconds: float = 60.0) -> Any:
    """Call ``probe`` until it returns something true, within a bound."""
    deadline = time.monotonic() + seconds
    while not (result := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{probe!r} did not come true within {seconds} s")
        time.sleep(0.02)
    return result
