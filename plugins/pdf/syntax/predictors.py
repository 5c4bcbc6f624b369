"""Undoes the predictors of Flate and LZW data (ISO 32000-2, 7.4.4.4)."""

from .values import Dictionary

_TIFF = 2
_FIRST_PNG = 10  # values of Predictor; from here on each row names its filter itself
_MAX_ROW = 1 << 20  # bytes; data with longer rows stay as they are
_MAX_PADDED = 4096  # bytes of a row; a last row that is shorter is filled with zeros


def undo_predictor(data: bytes, parameters: Dictionary) -> bytes:
    """Return the data as it was before prediction; the same object if there was none."""
    predictor = _integer(parameters, b"Predictor", 1)
    colors = _integer(parameters, b"Colors", 1)
    bits = _integer(parameters, b"BitsPerComponent", 8)
    columns = _integer(parameters, b"Columns", 1)
    row = (colors * bits * columns + 7) // 8
    step = max(1, colors * bits // 8)
    if not 0 < row <= _MAX_ROW:
        return data
    if predictor >= _FIRST_PNG:
        return _undo_png(data, row, step)
    if predictor == _TIFF and bits == 8:  # noqa: PLR2004
        return _undo_tiff(data, row, step)
    return data


def _integer(parameters: Dictionary, key: bytes, default: int) -> int:
    value = parameters.get(key)
    return value if isinstance(value, int) else default


def _undo_tiff(data: bytes, row: int, step: int) -> bytes:
    result = bytearray(data)
    for start in range(0, len(data), row):
        for i in range(start + step, min(start + row, len(data))):
            result[i] = (result[i] + result[i - step]) & 255
    return bytes(result)


def _undo_png(data: bytes, row: int, step: int) -> bytes:
    result = bytearray()
    above = bytes(max(min(row, len(data)), min(row, _MAX_PADDED)))
    for start in range(0, len(data), row + 1):
        kind = data[start]
        line = bytearray(data[start + 1 : start + 1 + row])
        if len(line) < row <= _MAX_PADDED:  # readers do so, and find what is in the last row
            line += bytes(row - len(line))
        _undo_png_row(kind, line, above, step)
        result += line
        above = bytes(line)
    return bytes(result)


def _undo_png_row(kind: int, line: bytearray, above: bytes, step: int) -> None:
    """Undo one of the PNG filter types (RFC 2083, 6): sub, up, average or Paeth."""
    if kind == 1:
        for i in range(step, len(line)):
            line[i] = (line[i] + line[i - step]) & 255
    elif kind == 2:  # noqa: PLR2004
        line[:] = bytes([(a + b) & 255 for a, b in zip(line, above, strict=False)])
    elif kind == 3:  # noqa: PLR2004
        for i in range(len(line)):
            left = line[i - step] if i >= step else 0
            line[i] = (line[i] + (left + above[i]) // 2) & 255
    elif kind == 4:  # noqa: PLR2004
        for i in range(len(line)):
            left = line[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            line[i] = (line[i] + _paeth(left, above[i], corner)) & 255


def _paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    distances = (abs(estimate - left), abs(estimate - above), abs(estimate - corner))
    return (left, above, corner)[distances.index(min(distances))]
