"""Judges the targets of actions: addresses and paths."""

import re
from typing import Final
from urllib.parse import urlsplit

_USUAL_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*(?=:)")
_IGNORED: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202f\u2060\ufeff]")
"""What readers and browsers drop from an address before they look at its scheme."""
_NETWORK: Final = re.compile(r"(?:\\\\|//|\\/|/\\)[^\\/]|/{3,}|\\{3,}")


def is_unusual_address(address: str, base: str = "") -> bool:
    """Return whether an address is none of ``http``, ``https`` and ``mailto``.

    Args:
        address: The address of a URI action (ISO 32000-2, 12.6.4.8).
        base: What a relative address is relative to (table 211).
    """
    plain = _IGNORED.sub("", address).lower()
    scheme = _SCHEME.match(plain)
    if scheme is not None:
        return scheme[0] not in _USUAL_SCHEMES and not _is_host_and_port(plain)
    if _NETWORK.match(plain):
        return True
    return bool(base) and is_unusual_address(base)


def is_network_path(path: str) -> bool:
    r"""Return whether a file specification leads to another computer.

    Opening such a path can send the reader's login to that computer.
    """
    plain = _IGNORED.sub("", path).lower()
    if _NETWORK.match(plain):
        return True
    scheme = _SCHEME.match(plain)
    if scheme is None or len(scheme[0]) == 1:  # a drive letter
        return False
    return scheme[0] != "file" or bool(_host_of(plain))


def _host_of(address: str) -> str:
    """Return the host of a ``file:`` address; several slashes hide one as well."""
    rest = address.removeprefix("file:").replace("\\", "/")
    if re.match(r"/{4,}[^/]", rest):
        return rest.strip("/")
    try:
        return urlsplit(f"file:{rest}").hostname or ""
    except ValueError:
        return rest


def _is_host_and_port(address: str) -> bool:
    """Return whether an address without scheme begins with a host and a port."""
    return re.match(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+:\d{1,5}(?:[/?#]|$)", address) is not None
