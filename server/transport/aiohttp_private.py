"""The only module with private names of aiohttp: all that the server uses.

They let worker threads take large bodies from the socket, and keep what a broken connection
delivered. If a version of aiohttp lacks one of them, the server runs on plain aiohttp:
:func:`missing` lists them, and callers ask before they use one.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http import HttpRequestParser
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

_HANDLER_NAMES = (
    "_buffer_paused",
    "_loop",
    "_max_msg_queue_size",
    "_parser",
    "_reading_paused",
    "max_field_size",
    "max_headers",
    "max_line_size",
)


@cache
def missing() -> Sequence[str]:
    """Return the names that this version of aiohttp does not have."""
    slots = {name for kind in RequestHandler.__mro__ for name in getattr(kind, "__slots__", ())}
    absent = [f"RequestHandler.{name}" for name in _HANDLER_NAMES if name not in slots]
    if not hasattr(web.AppRunner, "_make_server"):
        absent.append("AppRunner._make_server")
    if "_kwargs" not in web.Server.__init__.__code__.co_names:
        absent.append("Server._kwargs")
    if not hasattr(StreamReader, "_read_nowait"):
        absent.append("StreamReader._read_nowait")
    return absent


def server_options(server: web.Server) -> Mapping[str, Any]:
    """Return what a server passes to each of its connections."""
    options: Mapping[str, Any] = server._kwargs  # noqa: SLF001 - there is no public way
    return options


def is_drained(connection: RequestHandler) -> bool:
    """Return whether all bytes received from the socket have been parsed."""
    return not (connection._reading_paused or connection._buffer_paused)  # noqa: SLF001 - see above


def renew_parser(connection: RequestHandler, read_buffer: int) -> None:
    """Let a connection expect a new request, past a body that its parser has not seen."""
    connection._parser = HttpRequestParser(  # noqa: SLF001 # pyright: ignore[reportAttributeAccessIssue] - see above
        connection,
        connection._loop,  # noqa: SLF001
        read_buffer,
        max_line_size=connection.max_line_size,
        max_field_size=connection.max_field_size,
        max_headers=connection.max_headers,
        payload_exception=RequestPayloadError,
        auto_decompress=False,
        max_msg_queue_size=connection._max_msg_queue_size,  # noqa: SLF001
    )


def read_rest(content: StreamReader) -> bytes:
    """Return what came before the connection broke; aiohttp hands it out no longer."""
    if missing():
        return b""
    return content._read_nowait(-1)  # noqa: SLF001 - see above
