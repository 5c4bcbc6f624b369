"""The messages between the server and a child process: JSON, one object a line.

::

    child:  {"ready": {...}}                          first of all: what confines it
    server: {"id": 7, ...}                            a request
    child:  {"id": 7, ...}                            a reply, if there are several
    child:  {"id": 7, ..., "end": true}               the last reply, or the only one
    child:  {"id": 7, "error": "...", "end": true}    it could not answer; with a "reason"
    child:  {"log": "...", ...}                       a notice, unasked

Replies may come in any order. Only a child that :func:`.child_main.serve_in_threads` works on
several requests at a time.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from pdfsluice.core.models.encoding import to_json

ID = "id"
END = "end"
ERROR = "error"
REASON = "reason"
READY = "ready"


def pack(message: Mapping[str, Any]) -> bytes:
    """Return a message as a line."""
    return to_json(message) + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """Return the message of a line.

    Raises:
        ValueError: The line is not a JSON object.
    """
    with suppress(orjson.JSONDecodeError):
        message = orjson.loads(line)
        if isinstance(message, dict):
            return message
    raise ValueError("a reply is not a JSON object")
