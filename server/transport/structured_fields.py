"""Structured fields (RFC 9651), and the digests in them (RFC 9530).

A malformed field counts as absent, as resumable uploads demand (Upload State). A field that
is required is then missing, and the request is refused for that reason.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import http_sf

from pdfsluice.core.models import Checksum
from pdfsluice.core.plugins.ports.checksums import ChecksumSpec

from .framing import combined

_MAX_PREFERENCE = 10  # RFC 9530, section 4


def read_integer(headers: Mapping[str, str], name: str) -> int | None:
    """Return a non-negative integer field, or ``None`` if it is absent or malformed."""
    value = _item(headers, name)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def read_boolean(headers: Mapping[str, str], name: str) -> bool | None:
    """Return a boolean field, or ``None`` if it is absent or malformed."""
    value = _item(headers, name)
    return value if isinstance(value, bool) else None


def read_checksum(
    headers: Mapping[str, str], name: str, algorithms: Iterable[ChecksumSpec]
) -> Checksum | None:
    """Return the checksum in ``Content-Digest`` or ``Repr-Digest`` (RFC 9530).

    Of several, the first in the order of ``algorithms`` counts. Unknown algorithms are
    ignored, as RFC 9530 allows a recipient to.

    Args:
        headers: The header fields of a request.
        name: The field's name.
        algorithms: The registered algorithms.
    """
    members = _parse(headers, name, "dictionary")
    if not isinstance(members, dict):
        return None
    for spec in algorithms:
        member = members.get(spec.field_key)
        if isinstance(member, tuple) and isinstance(member[0], bytes):
            return Checksum(spec.name, member[0])
    return None


def format_preferences(algorithms: Iterable[ChecksumSpec]) -> str:
    """Write ``Want-Content-Digest`` with a preference for each algorithm.

    See RFC 9530, section 4.
    """
    return http_sf.ser(
        {
            spec.field_key: (max(1, _MAX_PREFERENCE - index), {})
            for index, spec in enumerate(algorithms)
        }
    )


def read_sha256(headers: Mapping[str, str], name: str) -> Checksum | None:
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
