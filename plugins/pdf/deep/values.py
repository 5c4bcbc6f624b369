"""Careful readings of pikepdf objects, any of which may have the wrong type."""

from collections.abc import Iterator
from decimal import Decimal

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String

EXCERPT_BYTES = 2000
_FILE_NAME_KEYS = ("/UF", "/F", "/Unix", "/Mac", "/DOS")


def dictionary_of(value: object) -> Dictionary | None:
    """Return a dictionary, or a stream's, or ``None`` for all else."""
    if isinstance(value, Stream):
        return value.stream_dict
    return value if isinstance(value, Dictionary) else None


def name_of(value: object) -> str:
    """Return a name with its slash, or an empty string; it may hold any bytes."""
    return bytes(value).decode("latin-1") if isinstance(value, Name) else ""


def text_of(value: object) -> str:
    """Return the beginning of a text string or of a text stream."""
    if isinstance(value, Stream):
        try:
            head = value.read_bytes()[:EXCERPT_BYTES]
        except (pikepdf.PikepdfError, ValueError):
            return ""
        return head.decode(
            "utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8", "replace"
        )
    if not isinstance(value, String):
        return ""
    try:
        return str(value)[:EXCERPT_BYTES].encode(errors="replace").decode()
    except UnicodeDecodeError:
        return bytes(value)[:EXCERPT_BYTES].decode("latin-1")


def script_of(value: object) -> str | None:
    """Return a whole script, or ``None`` if there is none or it cannot be read."""
    if isinstance(value, Stream):
        try:
            content = value.read_bytes()
        except (pikepdf.PikepdfError, ValueError):
            return None
        wide = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
        return content.decode("utf-16" if wide else "latin-1", "replace")
    if not isinstance(value, String):
        return None
    try:
        return str(value)
    except UnicodeDecodeError:
        return bytes(value).decode("latin-1")


def number_or(value: object, otherwise: float | None) -> float | None:
    """Return a number as Python has it."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return float(value)
    return otherwise


def file_name_of(value: object) -> str:
    """Return the file name of a file specification (ISO 32000-2, 7.11.2)."""
    specification = dictionary_of(value)
    if specification is None:
        return text_of(value)
    return next(filter(None, (text_of(specification.get(key)) for key in _FILE_NAME_KEYS)), "")


def is_indirect(value: object) -> bool:
    """Return whether a value is an indirect object, which may have many references."""
    return isinstance(value, (Dictionary, Array, Stream)) and bool(value.is_indirect)


def number_of(value: object, otherwise: int) -> int:
    """Return the number of an indirect object, or of the containing object."""
    if isinstance(value, (Dictionary, Array, Stream)) and value.is_indirect:
        return int(value.objgen[0])
    return otherwise


def items_of(value: object) -> Iterator[object]:
    """Yield the items of an array; nothing for all else."""
    if isinstance(value, Array):
        yield from value
