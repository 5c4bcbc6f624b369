"""The requests of the conformance tests of resumable uploads for HTTP."""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from tests.conformance.wire import Response, Server


@dataclass
class Ietf:
    """A target of resumable uploads.

    Attributes:
        server: The server under test.
        path: Its target of new uploads.
        version: Interop version that requests carry.
    """

    server: Server
    path: str
    version: int = 8
    media_type: ClassVar[str] = "application/partial-upload"

    @cached_property
    def options(self) -> Response:
        """What the server announces."""
        return self.server.request("OPTIONS", self.path)

    @property
    def unknown_url(self) -> str:
        """An upload resource that does not exist."""
        return f"{self.path}/{uuid.uuid4()}"

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Add what every request carries."""
        return {
            **self.server.headers,
            "Upload-Draft-Interop-Version": str(self.version),
            **headers,
        }

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Send a request with the interop version."""
        return self.server.request(method, url, self.headers(headers or {}), body)

    def post(self, body: bytes = b"", *, complete: bool, **headers: str) -> Response:
        """Create an upload; underscores in names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Disposition", 'inline; filename="test.pdf"')
        return self.request("POST", self.path, {"Upload-Complete": flag(complete), **named}, body)

    def create(self, pdf: bytes) -> str:
        """Create an upload of known length without sending bytes; return its URL."""
        response = self.post(complete=False, Upload_Length=str(len(pdf)))
        assert response.status == 201, response
        return response.headers["Location"]

    def patch(
        self, url: str, offset: int, data: bytes, *, complete: bool, **headers: str
    ) -> Response:
        """Append bytes; underscores in names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request(
            "PATCH",
            url,
            {
                "Content-Type": self.media_type,
                "Upload-Offset": str(offset),
                "Upload-Complete": flag(complete),
                **named,
            },
            data,
        )

    def head(self, url: str) -> Response:
        """Retrieve the offset."""
        return self.request("HEAD", url)

    def offset(self, url: str) -> int:
        """Ask where an upload stands."""
        response = self.head(url)
        assert response.status in {200, 204}, response
        return int(response.headers["Upload-Offset"])


def flag(value: bool) -> str:
    """Write a structured boolean."""
    return "?1" if value else "?0"


def digest(data: bytes) -> str:
    """Write a SHA-256 as a digest field."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"
