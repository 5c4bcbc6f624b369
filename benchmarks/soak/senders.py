"""Persistent clients, one for each protocol, that log what was acknowledged."""

import asyncio
import itertools
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

import aiohttp
import orjson

T = TypeVar("T")

_TRIES = 400
_MAX_BACKOFF_SECONDS = 0.5
_RETRIED = frozenset({408, 409, 423, 429})
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError)


class UploadFailed(Exception):
    """The server refused the upload, or no attempt succeeded.

    Args:
        message: The reason.
        status: The status of the answer; 0 if there is none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class TryAgain(Exception):
    """The server asks for another attempt."""


@dataclass
class Sender(ABC):
    """The sender of one file.

    Attributes:
        http: Sends the requests; its base URL is that of a faulty proxy.
        pdf: The file.
        dice: Chooses sizes and orders.
        lost: Acknowledged bytes that the server no longer knew of later; 0 is the promise.
        retries: How often something had to be tried again.
    """

    protocol: ClassVar[str]
    http: aiohttp.ClientSession
    pdf: bytes
    dice: random.Random
    lost: int = 0
    retries: int = 0
    _acknowledged: int = field(default=0, init=False)

    @abstractmethod
    async def send(self) -> None:
        """Upload the file; return when the server reports that it is complete.

        Raises:
            UploadFailed: It cannot be completed.
        """

    async def persist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat a step until it works."""
        for attempt in range(_TRIES):
            try:
                return await step()
            except (*_BROKEN, TryAgain):
                self.retries += 1
                limit = min(_MAX_BACKOFF_SECONDS, 0.01 * 2 ** min(attempt, 6))
                await asyncio.sleep(self.dice.uniform(0, limit))
        raise UploadFailed(f"no success in {_TRIES} attempts")

    async def request(
        self, method: str, path: str, data: bytes | None = None, /, **headers: str
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Send a request; underscores in names of headers stand for hyphens.

        Raises:
            TryAgain: The answer asks for another attempt.
            UploadFailed: The answer is final.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, path, data=data, headers=named) as response:
            body = await response.read()
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _RETRIED:
            raise TryAgain
        if response.status >= HTTPStatus.BAD_REQUEST:
            reason = f"{method} {path}: {response.status} {body[:300]!r}"
            raise UploadFailed(reason, response.status)
        return response, body

    def note(self, offset: int) -> None:
        """Note that the server acknowledges the bytes up to an offset."""
        self.lost += max(0, self._acknowledged - offset)
        self._acknowledged = offset

    def piece(self, offset: int) -> bytes:
        """Choose how much to send in the next request: often all that is left."""
        most = len(self.pdf) - offset
        size = most if self.dice.random() < 0.5 else self.dice.randint(1, most)
        return self.pdf[offset : offset + size]


class TusSender(Sender):
    """tus 1.0, one request after another."""

    protocol: ClassVar[str] = "tus"
    version: ClassVar[dict[str, str]] = {"Tus_Resumable": "1.0.0"}
    metadata: ClassVar[str] = "filename c29hay5wZGY=,check_duplicates ZmFsc2U="

    async def send(self) -> None:
        """Create the upload and fill it."""
        url = await self.create(Upload_Length=str(len(self.pdf)), Upload_Metadata=self.metadata)
        await self.fill(url)

    async def create(self, **headers: str) -> str:
        """Create an upload; if the answer is lost, another one."""
        response, _ = await self.persist(
            lambda: self.request("POST", "/files", **self.version, **headers)
        )
        return response.headers["Location"]

    async def fill(self, url: str) -> None:
        """Send what is missing until nothing is."""
        while await self.persist(lambda: self._offset(url)) < len(self.pdf):
            await self.persist(lambda: self._append(url))

    async def _offset(self, url: str) -> int:
        response, _ = await self.request("HEAD", url, **self.version)
        self.note(int(response.headers["Upload-Offset"]))
        return self._acknowledged

    async def _append(self, url: str) -> None:
        offset = await self._offset(url)
        if offset == len(self.pdf):
            return
        response, _ = await self.request(
            "PATCH",
            url,
            self.piece(offset),
            Upload_Offset=str(offset),
            Content_Type="application/offset+octet-stream",
            **self.version,
        )
        self.note(int(response.headers["Upload-Offset"]))


class ParallelTusSender(TusSender):
    """tus 1.0, several parallel parts that become one upload in the end."""

    protocol: ClassVar[str] = "tus-parallel"

    async def send(self) -> None:
        """Send the parts, then have them concatenated."""
        cuts = sorted(self.dice.sample(range(1, len(self.pdf)), 2))
        borders = [0, *cuts, len(self.pdf)]
        parts = [
            TusSender(self.http, self.pdf[start:end], self.dice)
            for start, end in itertools.pairwise(borders)
        ]
        urls = await asyncio.gather(*(self._send_part(part) for part in parts))
        self.lost += sum(part.lost for part in parts)
        self.retries += sum(part.retries for part in parts)
        await self.create(Upload_Concat=f"final;{' '.join(urls)}", Upload_Metadata=self.metadata)

    async def _send_part(self, part: TusSender) -> str:
        url = await part.create(Upload_Length=str(len(part.pdf)), Upload_Concat="partial")
        await part.fill(url)
        return url


class IetfSender(Sender):
    """Resumable uploads for HTTP."""

    protocol: ClassVar[str] = "ietf"

    async def send(self) -> None:
        """Create the upload, then append until it is complete."""
        response, _ = await self.persist(
            lambda: self.request(
                "POST",
                "/resumable?check_duplicates=false",
                Upload_Complete="?0",
                Upload_Length=str(len(self.pdf)),
            )
        )
        url = response.headers["Location"]
        while not await self.persist(lambda: self._append(url)):
            pass

    async def _append(self, url: str) -> bool:
        response, _ = await self.request("HEAD", url)
        offset = int(response.headers["Upload-Offset"])
        self.note(offset)
        if response.headers["Upload-Complete"] == "?1":
            return True
        data = b"" if offset == len(self.pdf) else self.piece(offset)
        last = offset + len(data) == len(self.pdf)
        response, _ = await self.request(
            "PATCH",
            url,
            data,
            Upload_Offset=str(offset),
            Upload_Complete="?1" if last else "?0",
            Content_Type="application/partial-upload",
        )
        self.note(offset + len(data))
        return last


class RestSender(Sender):
    """The documented interface: chunks in parallel and in any order."""

    protocol: ClassVar[str] = "rest"

    async def send(self) -> None:
        """Send the chunks in a random order, then complete."""
        opened = await self.persist(self._open)
        missing = set(range(opened["total_chunks"]))
        acknowledged: set[int] = set()
        while missing:
            order = self.dice.sample(sorted(missing), len(missing))
            sent = await asyncio.gather(*(self._try_chunk(opened, number) for number in order[:3]))
            acknowledged.update(number for number in sent if number is not None)
            session = await self.persist(lambda: self._json("GET", self._url(opened)))
            missing = set(session["missing_chunks"])
            self.lost += len(acknowledged & missing) * opened["chunk_size"]
        await self.persist(
            lambda: self._json("POST", f"{_STREAMING}/complete/{opened['session_id']}")
        )

    async def _open(self) -> Any:
        asked = {
            "filename": "soak.pdf",
            "file_size": len(self.pdf),
            "chunk_size": 64 * 1024,
            "check_duplicates": False,
        }
        async with self.http.post(f"{_STREAMING}/initiate", json=asked) as response:
            if response.status != HTTPStatus.OK:
                raise TryAgain
            return await response.json()

    def _url(self, opened: Any) -> str:
        return f"{_STREAMING}/{opened['session_id']}"

    async def _json(self, method: str, path: str) -> Any:
        _, body = await self.request(method, path)
        return orjson.loads(body)

    async def _try_chunk(self, opened: Any, number: int) -> int | None:
        size = opened["chunk_size"]
        data = self.pdf[number * size : (number + 1) * size]
        path = f"{_STREAMING}/chunk/{opened['session_id']}?chunk_id={number}"
        try:
            await self.request("PUT", path, data, Content_Type="application/octet-stream")
        except (*_BROKEN, TryAgain):
            self.retries += 1
            return None
        return number


_STREAMING = "/api/documents/streaming"
SENDERS: tuple[type[Sender], ...] = (RestSender, TusSender, ParallelTusSender, IetfSender)
"""All kinds of senders."""
