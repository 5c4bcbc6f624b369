"""The filters and predictors of PDF, the encoding side."""

import base64
import zlib
from collections.abc import Callable


def encode_lzw(data: bytes) -> bytes:
    """Encode with LZW, early change."""
    table = {bytes([i]): i for i in range(256)}
    bits, count, width = 256, 9, 9
    word = b""

    def put(code: int) -> None:
        nonlocal bits, count
        bits = (bits << width) | code
        count += width

    for i in range(len(data)):
        char = data[i : i + 1]
        if word + char in table:
            word += char
            continue
        put(table[word])
        if len(table) + 2 < 4094:
            table[word + char] = len(table) + 2
            if len(table) + 2 + 0 >= (1 << width) - 0 and width < 12:
                width += 1
        word = char
    if word:
        put(table[word])
        if len(table) + 3 >= (1 << width) and width < 12:
            width += 1
    put(257)
    padding = -count % 8
    return (bits << padding).to_bytes((count + padding) // 8, "big")


def encode_run_length(data: bytes) -> bytes:
    """Encode as runs of at most 100 bytes."""
    result = b""
    for i in range(0, len(data), 100):
        piece = data[i : i + 100]
        result += bytes([len(piece) - 1]) + piece
    return result + b"\x80"


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "FlateDecode": zlib.compress,
    "Fl": zlib.compress,
    "LZWDecode": encode_lzw,
    "ASCIIHexDecode": lambda data: data.hex().encode() + b">",
    "AHx": lambda data: data.hex().upper().encode() + b">",
    "ASCII85Decode": lambda data: base64.a85encode(data, wrapcol=60) + b"~>",
    "A85": lambda data: base64.a85encode(data) + b"~>",
    "RunLengthDecode": encode_run_length,
    "Crypt": lambda data: data,
}


def predict(data: bytes, kind: int, columns: int) -> bytes:
    """Apply a PNG predictor (0 to 4) or the TIFF predictor (kind 5)."""
    rows = [data[i : i + columns].ljust(columns) for i in range(0, len(data), columns)]
    above = bytes(columns)
    result = b""
    for row in rows:
        left = b"\0" + row[:-1]
        corner = b"\0" + above[:-1]
        base = {
            0: bytes(columns),
            1: left,
            2: above,
            3: bytes((a + b) // 2 for a, b in zip(left, above, strict=True)),
            4: bytes(map(_paeth, left, above, corner)),
            5: left,
        }[kind]
        line = bytes((a - b) & 255 for a, b in zip(row, base, strict=True))
        result += line if kind == 5 else bytes([kind]) + line
        above = row
    return result


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))
