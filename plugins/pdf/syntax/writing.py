"""Writes values in the plainest form (ISO 32000-2, 7.3)."""

from .values import Dictionary, Name, Reference, Text, Value


class CutValueError(Exception):
    """Not all of a value was kept, so that it cannot be written."""


def write_value(value: Value) -> bytes:
    """Return a value as bytes; names are escaped throughout, strings hexadecimal.

    Raises:
        CutValueError: A string in it was not kept to its end.
    """
    if isinstance(value, Dictionary):
        pairs = (write_value(Name(key)) + b" " + write_value(each) for key, each in value.entries)
        return b"<<%b>>" % b" ".join(pairs)
    if isinstance(value, list):
        return b"[%b]" % b" ".join(map(write_value, value))
    return _write_scalar(value)


def _write_scalar(value: Value) -> bytes:
    match value:
        case Name():
            return b"/" + b"".join(b"#%02x" % byte for byte in value.text)
        case Reference():
            return b"%d %d R" % value
        case Text(cut=True):
            raise CutValueError
        case Text():
            return b"<%b>" % value.head.hex().encode()
        case bool():
            word = str(value).lower()
        case int():
            word = str(value)
        case float():
            word = f"{value:f}"
        case _:
            word = "null"
    return word.encode()
