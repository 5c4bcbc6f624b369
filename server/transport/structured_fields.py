"""Structured fields (RFC 9651), and the digests in them (RFC 9530).

A malformed field counts as absent, as resumable uploads demand (Upload State). A field that
is required is then missing, and the request is refused for that reason. Digests are the
exception: a client that announces one relies on the comparison, so one that the server would
compare and cannot read is refused.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import http_sf

from pdfsluice.core.errors import ProtocolError
from pdfsluice.core.models.sessions import Checksum
from pdfsluice.core.plugins.ports.checksums import ChecksumSpec

from .framing import combined

_MAX_PREFERENCE = 10  # RFC 9530, section 4
_SHA256 = "sha-256"
_NAMED = re.compile(r"(?:^|,)[ \t]*([A-Za-z*][A-Za-z0-9_.*-]*)[ \t]*=")
"""Finds the keys of a dictionary that may be malformed."""


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
    """Return the checksum in ``Content-Digest`` (RFC 9530).

    Of several, the first in the order of ``algorithms`` counts. Unknown algorithms are
    ignored, as RFC 9530 allows a recipient to.

    Args:
        headers: The header fields of a request.
        name: The field's name.
        algorithms: The registered algorithms.

    Raises:
        ProtocolError: A known algorithm is named, and its value cannot be read.
    """
    specs = tuple(algorithms)
    digest = _digest(headers, name, [spec.field_key for spec in specs])
    if digest is None:
        return None
    key, value = digest
    return next(Checksum(spec.name, value) for spec in specs if spec.field_key == key)


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
    """Return the SHA-256 in ``Repr-Digest`` (RFC 9530).

    Other algorithms are ignored, as RFC 9530 allows a recipient to.

    Raises:
        ProtocolError: The field names ``sha-256``, and its value cannot be read.
    """
    digest = _digest(headers, name, [_SHA256])
    return None if digest is None else Checksum("sha256", digest[1])


def format_digest(sha256: str) -> str:
    """Write a SHA-256, given in hexadecimal, as a digest field (RFC 9530)."""
    return http_sf.ser({_SHA256: (bytes.fromhex(sha256), {})})


def format_boolean(value: bool) -> str:  # noqa: FBT001 - the value itself, not a switch
    """Write a boolean."""
    return "?1" if value else "?0"


def _digest(headers: Mapping[str, str], name: str, keys: Sequence[str]) -> tuple[str, bytes] | None:
    """Return the first of the algorithms that the field names, with its value.

    Raises:
        ProtocolError: The field names one of them, and cannot be read.
    """
    members = _parse(headers, name, "dictionary")
    if members is None:
        _refuse_unread(combined(headers, name) or "", name, keys)
        return None
    for key in keys:
        member = members.get(key)
        if isinstance(member, tuple) and isinstance(member[0], bytes):
            return key, member[0]
        if member is not None:
            raise _unread(name, key)
    return None


def _refuse_unread(text: str, name: str, keys: Sequence[str]) -> None:
    """Refuse a malformed field that names an algorithm, in letters of any case."""
    named = {match.lower() for match in _NAMED.findall(text)}
    for key in keys:
        if key in named:
            raise _unread(name, key)


def _unread(name: str, key: str) -> ProtocolError:
    return ProtocolError(
        f"the header field {name} names {key}, and cannot be read",
        hint=f"Write the digest in base64 between colons: {name}: {key}=:...: (RFC 9530).",
    )


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
