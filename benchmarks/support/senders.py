"""Cheap clients: the kernel sends the file (sendfile(2))."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

BOUNDARY = "----pdfsluice-benchmark-boundary"
STREAMING = "/api/documents/streaming"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and body."""

    status: int
    headers: dict[str, str]
    body: bytes


class RequestFailed(Exception):
    """A server answered otherwise than the benchmark needs."""


@dataclass
class Line:
    """One connection that sends prepared requests, with a piece of a file as the body."""

    host: str
    port: int
    connection: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.connection = socket.create_connection((self.host, self.port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        *,
        file: Path | None = None,
        offset: int = 0,
        length: int = 0,
        before: bytes = b"",
        after: bytes = b"",
    ) -> Answer:
        """Send a request whose body is ``before``, a piece of a file, ``after``."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        total = len(before) + length + len(after)
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if file is not None or before or method in {"POST", "PUT", "PATCH"}:
            lines.append(f"Content-Length: {total}")
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode() + before)
        if file is not None:
            with file.open("rb") as source:
                self.connection.sendfile(source, offset, length)
        if after:
            self.connection.sendall(after)
        return self._answer(method)

    def _answer(self, method: str) -> Answer:
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._more()
        head, _, rest = self._unread.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in fields)}
        status = int(first.split()[1])
        if status < 200:
            self._unread = rest
            return self._answer(method)
        if headers.get("transfer-encoding") == "chunked":
            while not rest.endswith(b"0\r\n\r\n"):
                rest += self._more()
            self._unread = b""
            return Answer(status, headers, rest)
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        while len(rest) < length:
            rest += self._more()
        self._unread = rest[length:]
        return Answer(status, headers, rest[:length])

    def _more(self) -> bytes:
        data = self.connection.recv(1 << 16)
        if not data:
            raise RequestFailed("the server closed the connection")
        return data

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def call(host: str, port: int, method: str, path: str, body: Any = None) -> Any:
    """Send a small JSON request on a connection of its own; return the JSON answer."""
    connection = HTTPConnection(host, port, timeout=120)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    if response.status >= 300:
        raise RequestFailed(f"{method} {path}: {response.status} {data[:300]!r}")
    return json.loads(data) if data else None


def chunks(size: int, chunk_size: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, offset and length of every chunk."""
    for number, offset in enumerate(range(0, size, chunk_size)):
        yield number, offset, min(chunk_size, size - offset)


def expect(answer: Answer, *statuses: int) -> Answer:
    """Return an answer if it has one of the statuses.

    Raises:
        RequestFailed: It has another.
    """
    if answer.status not in statuses:
        raise RequestFailed(f"{answer.status} {answer.body[:300]!r}")
    return answer


def form_around(number: int, offset: int, final: bool) -> tuple[bytes, bytes]:
    """Return the bytes before and after those of a chunk in the documented form."""
    fields = {"chunk_id": number, "chunk_offset": offset, "is_final": str(final).lower()}
    parts = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head = 'Content-Disposition: form-data; name="file"; filename="chunk"'
    kind = "Content-Type: application/octet-stream"
    before = f"{parts}--{BOUNDARY}\r\n{head}\r\n{kind}\r\n\r\n"
    return before.encode(), f"\r\n--{BOUNDARY}--\r\n".encode()
