"""Reads and writes the header fields of resumable uploads."""

from collections.abc import Mapping
from typing import Any, Final

import http_sf
from aiohttp import content_disposition_filename, parse_content_disposition

from pdfsluice.server.transport.structured_fields import read_integer

SUPPORTED_VERSIONS: Final = frozenset({6, 7, 8})
"""Supported interop versions: 6 is draft -04 and -05, 7 is -06 to -08, 8 is from -09."""

_VERSION_WITH_MAX_AGE: Final = 7  # before it, the limit was called "expires"


def interop_version(headers: Mapping[str, str]) -> int | None:
    """Return the client's ``Upload-Draft-Interop-Version``, if it is supported."""
    version = read_integer(headers, "Upload-Draft-Interop-Version")
    return version if version in SUPPORTED_VERSIONS else None


def format_limits(*, max_size: int, max_age: int | None, version: int | None) -> str:
    """Write ``Upload-Limit``.

    Args:
        max_size: Largest file in bytes.
        max_age: Seconds until the upload expires; ``None`` without an upload.
        version: Interop version of the client; it chooses the name of the age limit.
    """
    limits: dict[str, Any] = {"max-size": (max_size, {})}
    if max_age is not None:
        old = version is not None and version < _VERSION_WITH_MAX_AGE
        limits["expires" if old else "max-age"] = (max_age, {})
    return http_sf.ser(limits)


def filename(headers: Mapping[str, str]) -> str | None:
    """Return the filename in ``Content-Disposition`` (RFC 6266)."""
    header = headers.get("Content-Disposition")
    if header is None:
        return None
    _, parameters = parse_content_disposition(header)
    return content_disposition_filename(parameters)
