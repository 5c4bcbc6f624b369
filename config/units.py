"""Durations and sizes as people write them: ``24h``, ``90s``, ``8 MiB``."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ByteSize, PlainSerializer

_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_DURATION = timedelta(days=36_525)
_MAX_SIZE = 2**63 - 1
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def parse_duration(value: Any) -> Any:
    """Turn ``1h30m`` or ``90`` (seconds) into a :class:`~datetime.timedelta`.

    Text in the notation of ISO 8601 (``PT5M``) and other types are left to pydantic.

    Raises:
        ValueError: The text is no duration.
    """
    if not isinstance(value, str) or value.strip().upper().startswith(("P", "-P")):
        return value
    text = value.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        text += "s"
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip():
        raise ValueError("write a duration as 30s, 15m, 24h or 7d")
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    return timedelta(seconds=seconds) if seconds < timedelta.max.total_seconds() else timedelta.max


def _check_length(value: timedelta) -> timedelta:
    """Refuse what would lead past the last date that there is."""
    if abs(value) > _MAX_DURATION:
        raise ValueError("a duration may be 100 years at most")
    return value


def _check_size(value: ByteSize) -> ByteSize:
    """Refuse what no file system, database or header of a request can hold."""
    if value > _MAX_SIZE:
        raise ValueError("a size may be 8 EiB at most")
    return value


def format_duration(value: timedelta) -> str:
    """Write a duration as :func:`parse_duration` reads it."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNIT_SECONDS[unit] == 0:
            return f"{seconds / _UNIT_SECONDS[unit]:.0f}{unit}"
    return f"{seconds:g}s"


def format_size(size: int) -> str:
    """Write a number of bytes exactly and rounded: ``62919497 bytes (60.0 MiB)``."""
    return f"{size} bytes ({ByteSize(size).human_readable(separator=' ')})"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    AfterValidator(_check_length),
    PlainSerializer(format_duration, when_used="json"),
]
"""A length of time: a number of seconds, or text such as ``30s``, ``15m``, ``24h``, ``7d``."""

Size = Annotated[
    ByteSize,
    AfterValidator(_check_size),
    PlainSerializer(lambda size: size.human_readable(separator=" "), when_used="json"),
]
"""A number of bytes, or text such as ``512 KiB``, ``8 MiB``, ``1GB``."""
