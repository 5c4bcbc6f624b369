"""Reads and writes the structured fields (RFC 9651) of resumable uploads and digests.

A malformed field counts as absent, as the draft demands (Upload State): what is required
is then missing, and the request is refused for that.
"""

from collections.abc import Mapping
from typing import Any, Final

import http_sf
from aiohttp import content_disposition_filename, parse_content_disposition

from pdfsluice.core.models import Checksum
from pdfsluice.server.transport.framing import combined

SUPPORTED_VERSIONS: Final = frozenset({6, 7, 8})
"""Interop versions that are spoken: 6 is draft -04 and -05, 7 is -06 to -08, 8 is from -09."""

_VERSION_WITH_MAX_AGE: Final = 7  # before it, the limit was called "expires"


def integer(headers: Mapping[str, str], name: str) -> int | None:
    """Return a non-negative integer field, or ``None`` where it is absent or malformed."""
    value = _item(headers, name)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def boolean(headers: Mapping[str, str], name: str) -> bool | None:
    """Return a boolean field, or ``None`` where it is absent or malformed."""
    value = _item(headers, name)
    return value if isinstance(value, bool) else None


def interop_version(headers: Mapping[str, str]) -> int | None:
    """Return the client's ``Upload-Draft-Interop-Version``, if it is one that is spoken."""
    version = integer(headers, "Upload-Draft-Interop-Version")
    return version if version in SUPPORTED_VERSIONS else None


def sha256_digest(headers: Mapping[str, str], name: str) -> Checksum | None:
    """Return the SHA-256 in ``Content-Digest`` or ``Repr-Digest`` (RFC 9530).

    Other algorithms are ignored, as RFC 9530 allows a recipient to.
    """
    value = _parse(headers, name, "dictionary")
    member = value.get("sha-256") if isinstance(value, dict) else None
    digest = member[0] if isinstance(member, tuple) else None
    return Checksum("sha256", digest) if isinstance(digest, bytes) else None


def format_digest(sha256: str) -> str:
    """Write a SHA-256, given in hexadecimal, as a digest field (RFC 9530)."""
    return http_sf.ser({"sha-256": (bytes.fromhex(sha256), {})})


def format_boolean(value: bool) -> str:  # noqa: FBT001 - the value itself, not a switch
    """Write a boolean."""
    return "?1" if value else "?0"


def format_limits(*, max_size: int, max_age: int | None, version: int | None) -> str:
    """Write ``Upload-Limit``.

    Args:
        max_size: Largest file in bytes.
        max_age: Seconds for which the upload lives on; ``None`` where there is none.
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


def _item(headers: Mapping[str, str], name: str) -> Any:
    value = _parse(headers, name, "item")
    return value[0] if isinstance(value, tuple) else None


def _parse(headers: Mapping[str, str], name: str, kind: str) -> Any:
    text = combined(headers, name)
    if text is None:
        return None
    try:
        return http_sf.parse(text.encode("ascii", "replace"), tltype=kind)
    except http_sf.StructuredFieldError:
        return None
