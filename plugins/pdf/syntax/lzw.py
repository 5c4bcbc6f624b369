"""The LZW filter (ISO 32000-2, 7.4.4)."""

_CLEAR = 256
_END = 257
_MAX_CODES = 4096


def decode_lzw(data: bytes, limit: int, *, early_change: bool = True) -> tuple[bytes, str]:
    """Decode LZW data.

    Args:
        data: Codes of 9 to 12 bits, most significant bit first.
        limit: Bytes that may come out.
        early_change: Whether codes grow one code early (``/EarlyChange``, the default).

    Returns:
        What could be decoded, and ``damaged`` or ``limit`` where that is not all.
    """
    early = 1 if early_change else 0
    start: list[bytes] = [bytes([i]) for i in range(256)] + [b"", b""]
    table = start.copy()
    result = bytearray()
    width = 9
    bits = 0
    count = 0
    previous = b""
    for byte in data:
        bits = (bits << 8) | byte
        count += 8
        if count < width:
            continue
        count -= width
        code = bits >> count
        bits &= (1 << count) - 1
        if code == _CLEAR:
            table = start.copy()
            width = 9
            previous = b""
            continue
        if code == _END:
            return bytes(result), ""
        if code < len(table):
            entry = table[code]
        elif code == len(table) and previous:
            entry = previous + previous[:1]
        else:
            return bytes(result), "damaged"
        result += entry
        if len(result) >= limit:
            return bytes(result[:limit]), "limit"
        if previous and len(table) < _MAX_CODES:
            table.append(previous + entry[:1])
            if len(table) + early >= 1 << width and width < 12:  # noqa: PLR2004
                width += 1
        previous = entry
    return bytes(result), "damaged"
