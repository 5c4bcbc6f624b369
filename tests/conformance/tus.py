"""The tus 1.0 requests that the conformance tests are made of."""

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import pytest

from tests.conformance.wire import Response, Server


@dataclass
class Tus:
    """A tus endpoint.

    Attributes:
        server: The server under test.
        path: Its creation URL.
    """

    server: Server
    path: str
    media_type: ClassVar[str] = "application/offset+octet-stream"

    @cached_property
    def options(self) -> Response:
        """What the server announces."""
        return self.server.request("OPTIONS", self.path)

    def need(self, *extensions: str) -> None:
        """Skip the test unless the server announces all of the extensions."""
        announced = self.options.headers.listed("Tus-Extension")
        for extension in extensions:
            if extension not in announced:
                pytest.skip(f"the server does not announce {extension}")

    @property
    def unknown_url(self) -> str:
        """An upload URL that no upload has."""
        return f"{self.path}/{uuid.uuid4()}"

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Add what every request with a body carries."""
        return {
            **self.server.headers,
            "Tus-Resumable": "1.0.0",
            "Content-Type": self.media_type,
            **headers,
        }

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Send a request with ``Tus-Resumable``."""
        return self.server.request(method, url, {"Tus-Resumable": "1.0.0", **(headers or {})}, body)

    def post(self, body: bytes | None = None, **headers: str) -> Response:
        """Send a creation request; underscores in names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named.setdefault("Content-Type", self.media_type)
        return self.request("POST", self.path, named, body)

    def create(self, pdf: bytes, **headers: str) -> str:
        """Create an upload for a file and return its URL."""
        response = self.post(
            None,
            Upload_Length=str(len(pdf)),
            Upload_Metadata=metadata(filename=b"test.pdf"),
            **headers,
        )
        assert response.status == 201, response
        return response.headers["Location"]

    def patch(self, url: str, offset: int, data: bytes, **headers: str) -> Response:
        """Send bytes."""
        named = {"Upload-Offset": str(offset), "Content-Type": self.media_type, **headers}
        return self.request("PATCH", url, named, data)

    def offset(self, url: str) -> int:
        """Ask where an upload stands."""
        response = self.request("HEAD", url)
        assert response.status in {200, 204}, response
        return int(response.headers["Upload-Offset"])


def metadata(**values: bytes) -> str:
    """Write Upload-Metadata."""
    return ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in values.items())
