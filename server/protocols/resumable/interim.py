"""Interim responses of resumable uploads: ``104 (Upload Resumption Supported)``."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from aiohttp import web
from aiohttp.http import HttpVersion11

REPORT_INTERVAL: Final = 1.0
"""Seconds between two reports of progress."""


async def send_interim(
    request: web.Request, version: int | None, headers: Mapping[str, str]
) -> bool:
    """Send a 104, if the client supports the draft and HTTP/1.1 (Section 5).

    Values must not come from the client: they are written as they are.

    Returns:
        Whether the client supports them.
    """
    if version is None or request.version < HttpVersion11:
        return False
    lines = ["HTTP/1.1 104 Upload Resumption Supported"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Upload-Draft-Interop-Version: {version}", "", ""]
    with suppress(ConnectionError):  # the reader of the body handles it
        await request.writer.write("\r\n".join(lines).encode("ascii"))
        request.writer.output_size = 0  # or aiohttp regards the answer as begun
    return True


class ProgressReports:
    """Reports of the committed offset to a client, while its body arrives.

    Args:
        request: The request whose body is being received.
        version: Interop version of the client; nothing is sent to others.
        offset: Returns the offset up to which bytes are committed.
    """

    def __init__(
        self, request: web.Request, version: int | None, offset: Callable[[], Awaitable[int]]
    ) -> None:
        self._request = request
        self._version = version
        self._offset = offset
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._version is not None:
            self._task = asyncio.create_task(self._report())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _report(self) -> None:
        reported = -1
        while True:
            await asyncio.sleep(REPORT_INTERVAL)
            position = await self._offset()
            if position != reported:
                await send_interim(self._request, self._version, {"Upload-Offset": str(position)})
                reported = position
