"""Decodes stream data (ISO 32000-2, 7.4) as far as possible, within bounds."""

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from .grammar import unhex
from .inflating import Inflater, Squeezed, inflate_brotli, inflate_flate, squeeze
from .lzw import decode_lzw
from .predictors import undo_predictor
from .values import Dictionary, Name, Value

MAX_CHAIN = 64
"""Filters applied to one stream; more are a trap."""

SLOW_LIMIT = 4 * 1024 * 1024
"""Bytes that may come out of a filter that is decoded in Python loops."""

_ABBREVIATIONS = {
    b"Fl": b"FlateDecode",
    b"LZW": b"LZWDecode",
    b"AHx": b"ASCIIHexDecode",
    b"A85": b"ASCII85Decode",
    b"RL": b"RunLengthDecode",
    b"Br": b"BrotliDecode",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a chain, with its parameters."""

    name: bytes
    parameters: Dictionary | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out of a chain of filters.

    Attributes:
        data: What could be decoded.
        problem: ``unknown-filter``, ``encrypted``, ``damaged``, ``limit`` or ``flood`` where
            that is not all; else empty.
        work: Bytes that were handled in Python loops, which is slow.
        squeezed: How the data was decompressed, if padding was dropped from it.
    """

    data: bytes
    problem: str = ""
    work: int = 0
    squeezed: Squeezed | None = None

    @property
    def size(self) -> int:
        """How many bytes came out, padding included."""
        return len(self.data) if self.squeezed is None else self.squeezed.size

    def position(self, offset: int) -> int:
        """Return where in ``data`` the byte at an offset of the decoded stream is."""
        return offset if self.squeezed is None else self.squeezed.position(offset)


def filter_chain(filters: Value, parameters: Value) -> list[Filter] | None:
    """Read ``/Filter`` and ``/DecodeParms``.

    Returns:
        The filters in the order of decoding; ``None`` if they cannot be known.
    """
    names = [n for n in (filters if isinstance(filters, list) else [filters]) if n is not None]
    if not all(isinstance(name, Name) for name in names):
        return None
    values = parameters if isinstance(parameters, list) else [parameters]
    if isinstance(filters, list) and len(values) == len(filters):
        values = [p for p, n in zip(values, filters, strict=True) if n is not None]
    chain: list[Filter] = []
    for index, name in enumerate(names):
        value = values[index] if index < len(values) else None
        if not isinstance(value, (Dictionary, type(None))):
            return None
        assert isinstance(name, Name)  # noqa: S101 - checked above; for the type checker
        chain.append(Filter(_ABBREVIATIONS.get(name.text, name.text), value))
    return chain


def decode(
    raw: bytes, chain: Sequence[Filter], limit: int, *, drop_padding: bool = False
) -> Decoded:
    """Apply a chain of filters.

    Args:
        raw: Stream data, perhaps only its beginning.
        chain: Filters in the order of decoding.
        limit: Bytes that may come out of any of them.
        drop_padding: Whether long runs of white space do not count towards the limit of the
            last one.
    """
    if len(chain) > MAX_CHAIN:
        return Decoded(b"", "limit")
    data = raw
    problem = ""
    work = 0
    squeezed: Squeezed | None = None
    for index, step in enumerate(chain):
        if step.name == b"Crypt":
            if _crypt_name(step) != b"Identity":
                return Decoded(b"", "encrypted", work)
            continue
        decoder = _DECODERS.get(step.name)
        if decoder is None:
            return Decoded(b"", "unknown-filter", work)
        if decoder in _SLOW:
            work += len(data)
        room = min(limit, SLOW_LIMIT) if decoder in _SLOW or step.parameters else limit
        packed = data
        data, trouble = decoder(packed, step, room)
        inflate = _INFLATERS.get(step.name)
        last = index == len(chain) - 1
        if trouble == "limit" and drop_padding and last and inflate and not step.parameters:
            squeezed = squeeze(packed, inflate, limit)
            data, trouble = squeezed.data, squeezed.problem
        problem = problem or trouble
        if step.parameters is not None and decoder in (_flate, _lzw, _brotli):
            plain = undo_predictor(data, step.parameters)
            work += 0 if plain is data else len(data)
            data = plain
    return Decoded(data, problem, work, squeezed)


def _crypt_name(step: Filter) -> bytes:
    name = step.parameters.get(b"Name") if step.parameters else None
    return name.text if isinstance(name, Name) else b"Identity"


def _flate(data: bytes, _step: Filter, limit: int) -> tuple[bytes, str]:
    for window_bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):  # some writers omit the zlib header
        body = data if window_bits > 0 else data.lstrip(b"\r\n")
        inflater = zlib.decompressobj(window_bits)
        try:
            result = inflater.decompress(body, limit)
        except zlib.error:
            result = _inflate_partly(body, window_bits, limit)
            if result:
                return result, "damaged"
            continue
        if inflater.unconsumed_tail and len(result) >= limit:
            return result, "limit"
        return result, "" if inflater.eof else "damaged"
    return b"", "damaged"


def _inflate_partly(data: bytes, window_bits: int, limit: int) -> bytes:
    """Inflate up to where the data is damaged.

    If a call meets an error, zlib withholds what the same call has decompressed. So the piece
    with the damage is repeated byte by byte.
    """
    inflater = zlib.decompressobj(window_bits)
    result = bytearray()
    step = 1024
    for start in range(0, len(data), step):
        before = inflater.copy()
        piece = data[start : start + step]
        try:
            result += inflater.decompress(piece, limit - len(result))
        except zlib.error:
            with suppress(zlib.error):
                for byte in piece:
                    result += before.decompress(bytes([byte]), limit - len(result))
            break
        if len(result) >= limit:
            break
    return bytes(result)


def _lzw(data: bytes, step: Filter, limit: int) -> tuple[bytes, str]:
    early = step.parameters.get(b"EarlyChange") if step.parameters else None
    return decode_lzw(data, limit, early_change=early != 0)


def _ascii_hex(data: bytes, _step: Filter, limit: int) -> tuple[bytes, str]:
    digits, end, _ = data.partition(b">")
    trouble = "" if end else "damaged"
    return unhex(digits[: 2 * limit + 1])[:limit], trouble


_NO_ASCII85 = bytes(set(range(256)) - set(range(ord("!"), ord("u") + 1)) - set(b"z"))


def _ascii85(data: bytes, _step: Filter, limit: int) -> tuple[bytes, str]:
    text, end, _ = data.partition(b"~")
    if not end and data.lstrip().startswith(b"<~"):
        text = data
    elif not text.strip(b"< \r\n") and data.lstrip().startswith(b"<~"):
        text, end, _ = data.lstrip()[2:].partition(b"~")
    digits = text.translate(None, _NO_ASCII85)[: limit * 5 // 4 + 5]
    try:
        return base64.a85decode(digits)[:limit], "" if end else "damaged"
    except (ValueError, binascii.Error):
        return _ascii85_partly(digits), "damaged"


def _ascii85_partly(digits: bytes) -> bytes:
    result = bytearray()
    for group in re.finditer(rb"z|[!-u]{5}", digits):
        try:
            result += base64.a85decode(group[0])
        except ValueError:
            break
    return bytes(result)


def _run_length(data: bytes, _step: Filter, limit: int) -> tuple[bytes, str]:
    result = bytearray()
    position = 0
    while position < len(data) and len(result) < limit:
        length = data[position]
        if length == 128:  # noqa: PLR2004 - the end-of-data marker
            return bytes(result), ""
        if length < 128:  # noqa: PLR2004
            result += data[position + 1 : position + 2 + length]
            position += length + 2
        else:
            result += data[position + 1 : position + 2] * (257 - length)
            position += 2
    return bytes(result[:limit]), "limit" if len(result) >= limit else "damaged"


def _brotli(data: bytes, step: Filter, limit: int) -> tuple[bytes, str]:
    if step.parameters is not None and b"D" in step.parameters:  # a dictionary of its own
        return b"", "unknown-filter"
    result = bytearray()
    try:
        for piece in inflate_brotli(data):
            result += piece
            if len(result) > limit:
                return bytes(result[:limit]), "limit"
    except ValueError:
        return bytes(result), "damaged"
    return bytes(result), ""


_Decoder = Callable[[bytes, Filter, int], tuple[bytes, str]]
_DECODERS: dict[bytes, _Decoder] = {
    b"FlateDecode": _flate,
    b"LZWDecode": _lzw,
    b"ASCIIHexDecode": _ascii_hex,
    b"ASCII85Decode": _ascii85,
    b"RunLengthDecode": _run_length,
    b"BrotliDecode": _brotli,
}
_INFLATERS: dict[bytes, Inflater] = {
    b"FlateDecode": inflate_flate,
    b"BrotliDecode": inflate_brotli,
}
_SLOW = (_lzw, _run_length, _ascii85)
