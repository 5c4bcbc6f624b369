"""The header fields of tus 1.0, with bounds on everything a client may send."""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from pdfsluice.core.errors import ProtocolError
from pdfsluice.core.models.sessions import Checksum

CONCAT_KEY: Final = "Upload-Concat"
"""Session metadata that keeps ``Upload-Concat`` for ``HEAD``; clients cannot set it."""

_MAX_COUNT: Final = 2**63 - 1
_MAX_PAIRS: Final = 60  # what a session keeps, less our own
_MAX_TEXT: Final = 4096
_KEY: Final = re.compile(r"[!-+\--~]{1,128}")  # printable ASCII without space and comma
_COUNT: Final = re.compile(r"[0-9]{1,19}")
_DATA_URL: Final = "data:;base64,"


@dataclass(frozen=True, slots=True)
class Concat:
    """The header field ``Upload-Concat`` (tus, Concatenation).

    Attributes:
        raw: As the client sent it; ``HEAD`` answers with it.
        parts: The session ids that make up a final upload; empty for a partial one.
    """

    raw: str
    parts: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether the upload is a part of a later one."""
        return not self.parts


def parse_count(name: str, value: str) -> int:
    """Read a non-negative integer (tus, Upload-Offset and Upload-Length).

    Raises:
        ProtocolError: It is none, or is larger than any file can be.
    """
    if not value:
        raise ProtocolError(f"{name} is missing")
    number = int(value) if _COUNT.fullmatch(value) else _MAX_COUNT + 1
    if number > _MAX_COUNT:
        raise ProtocolError(f"{name} must be a whole number of bytes, not {value[:40]!r}")
    return number


def parse_metadata(header: str) -> dict[str, str]:
    """Read ``Upload-Metadata`` (tus, Creation); :func:`format_metadata` turns it back.

    A value becomes text if its bytes are printable UTF-8, otherwise a ``data:`` URL that holds
    the bytes; :func:`plain_text` shows both.

    Raises:
        ProtocolError: A pair is malformed, doubled or too large.
    """
    pairs = header.split(",") if header.strip() else []
    if len(pairs) > _MAX_PAIRS:
        raise ProtocolError(f"Upload-Metadata has more than {_MAX_PAIRS} pairs")
    metadata: dict[str, str] = {}
    for pair in pairs:
        key, _, encoded = pair.strip(" ").partition(" ")
        if not _KEY.fullmatch(key):
            raise ProtocolError("a key in Upload-Metadata is empty, too long or not ASCII")
        if key in metadata or key == CONCAT_KEY:
            raise ProtocolError(f"Upload-Metadata must not name {key!r} here, or only once")
        metadata[key] = _decode_value(key, encoded.strip(" "))
    return metadata


def _decode_value(key: str, encoded: str) -> str:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except UnicodeDecodeError:
        text = ""
    except (binascii.Error, ValueError) as error:
        raise ProtocolError(f"the value of {key!r} in Upload-Metadata is not Base64") from error
    plain = text.isprintable() and not text.startswith(_DATA_URL) and (text or not encoded)
    value = text if plain else _DATA_URL + encoded
    if len(value) > _MAX_TEXT:
        raise ProtocolError(f"the value of {key!r} in Upload-Metadata is too long")
    return value


def plain_text(value: str) -> str:
    """Return a metadata value as text; bytes that are none are replaced."""
    if not value.startswith(_DATA_URL):
        return value
    return base64.b64decode(value.removeprefix(_DATA_URL)).decode(errors="replace")


def format_metadata(metadata: Mapping[str, str]) -> str:
    """Write ``Upload-Metadata``, without keys that this protocol cannot express."""
    return ",".join(
        f"{key} {_encode_value(value)}".rstrip(" ")
        for key, value in metadata.items()
        if _KEY.fullmatch(key) and key != CONCAT_KEY
    )


def _encode_value(value: str) -> str:
    if value.startswith(_DATA_URL):
        return value.removeprefix(_DATA_URL)
    return base64.b64encode(value.encode()).decode()


def parse_checksum(header: str, algorithms: Collection[str]) -> Checksum:
    """Read ``Upload-Checksum`` (tus, Checksum).

    Args:
        header: The header field.
        algorithms: Names of the registered algorithms.

    Raises:
        ProtocolError: It is malformed or names an algorithm that is not supported.
    """
    algorithm, _, encoded = header.partition(" ")
    if algorithm not in algorithms:
        raise ProtocolError(
            f"Upload-Checksum names the unknown algorithm {algorithm[:40]!r}",
            hint=f"Use one of {', '.join(algorithms)}.",
        )
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProtocolError("the checksum in Upload-Checksum is not Base64") from error
    return Checksum(algorithm, value)


def parse_concat(header: str, prefix: str) -> Concat:
    """Read ``Upload-Concat`` (tus, Concatenation).

    Only the ids in the URLs count, and they must be session ids: nothing else of a URL
    reaches a store.

    Args:
        prefix: Path under which uploads live, such as ``/files``.

    Raises:
        ProtocolError: It is malformed or names something else than uploads.
    """
    if header == "partial":
        return Concat(header)
    kind, separator, urls = header.partition(";")
    parts = tuple(_session_id(url, prefix) for url in urls.split())
    if kind != "final" or not separator or not parts:
        raise ProtocolError("Upload-Concat must be 'partial' or 'final;' and a list of URLs")
    if len(header) > _MAX_TEXT:
        raise ProtocolError(
            f"Upload-Concat is longer than {_MAX_TEXT} characters",
            hint="Use relative URLs, or fewer and larger parts.",
        )
    return Concat(header, parts)


def _session_id(url: str, prefix: str) -> str:
    name = ""
    try:
        folder, _, name = urlsplit(url).path.rpartition("/")
        valid = folder.endswith(prefix) and name == str(UUID(name))
    except ValueError:
        valid = False
    if not valid:
        raise ProtocolError("Upload-Concat names a URL that is not an upload of this server")
    return name
