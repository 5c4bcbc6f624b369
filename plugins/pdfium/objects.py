"""The objects on a page, with what decides whether text can be seen."""

import ctypes
import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import pypdfium2
import pypdfium2.raw as pdfium

_MAX_OBJECTS = 20_000
_MAX_DEPTH = 6  # of forms in forms
_MAX_CLIP_POINTS = 64
_MAX_MARKS = 8
_LAYER = "OC".encode("utf-16-le")

Bounds: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, right and top, in the space of the page."""
Matrix: TypeAlias = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)
_EVERYWHERE: Bounds = (-math.inf, -math.inf, math.inf, math.inf)


def _plain(function: Any, result: Any, arguments: int) -> Callable[..., int]:
    """Return a function for plain addresses: converting them takes most of the time."""
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    return ctypes.PYFUNCTYPE(result, *[ctypes.c_void_p] * arguments)(address)


_object_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_of_page = _object_of(ctypes.cast(pdfium.FPDFPage_GetObject, ctypes.c_void_p).value or 0)
_of_form = _object_of(ctypes.cast(pdfium.FPDFFormObj_GetObject, ctypes.c_void_p).value or 0)
_count_of_page = _plain(pdfium.FPDFPage_CountObjects, ctypes.c_int, 1)
_count_of_form = _plain(pdfium.FPDFFormObj_CountObjects, ctypes.c_int, 1)
_kind_of = _plain(pdfium.FPDFPageObj_GetType, ctypes.c_int, 1)
_bounds_of = _plain(pdfium.FPDFPageObj_GetBounds, ctypes.c_int, 5)
_colour_of = _plain(pdfium.FPDFPageObj_GetFillColor, ctypes.c_int, 5)
_mode_of = _plain(pdfium.FPDFTextObj_GetTextRenderMode, ctypes.c_int, 1)
_size_of = _plain(pdfium.FPDFTextObj_GetFontSize, ctypes.c_int, 2)
_matrix_of = _plain(pdfium.FPDFPageObj_GetMatrix, ctypes.c_int, 2)
_marks_of = _plain(pdfium.FPDFPageObj_CountMarks, ctypes.c_int, 1)
_clip_of = _plain(pdfium.FPDFPageObj_GetClipPath, ctypes.c_void_p, 1)
_clips_of = _plain(pdfium.FPDFClipPath_CountPaths, ctypes.c_int, 1)


class _Scratch:
    """Memory into which PDFium writes, with the addresses of its cells."""

    def __init__(self) -> None:
        self.floats = array("f", [0.0] * 7)
        self.numbers = array("I", [0] * 4)
        self.at = [self.floats.buffer_info()[0] + 4 * n for n in range(7)]
        self.at_numbers = [self.numbers.buffer_info()[0] + 4 * n for n in range(4)]


@dataclass(frozen=True, slots=True)
class PageObject:
    """An object that is drawn.

    Attributes:
        address: Its address in memory, which identifies it.
        kind: PDFium's number of its kind.
        bounds: Its rectangle.
        parent: From the space of the form that it is in to that of the page.
        scratch: Memory for answers of PDFium.
    """

    address: int
    kind: int
    bounds: Bounds
    parent: Matrix
    scratch: _Scratch

    @property
    def handle(self) -> Any:
        """The object for functions of PDFium."""
        return ctypes.cast(self.address, pdfium.FPDF_PAGEOBJECT)

    @property
    def is_text(self) -> bool:
        """Whether it is text."""
        return bool(self.kind == pdfium.FPDF_PAGEOBJ_TEXT)

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture."""
        return bool(self.kind == pdfium.FPDF_PAGEOBJ_IMAGE)

    @property
    def covers(self) -> bool:
        """Whether it may hide what was drawn earlier."""
        if self.kind == pdfium.FPDF_PAGEOBJ_PATH:
            mode, stroke = ctypes.c_int(), pdfium.FPDF_BOOL()
            return bool(
                pdfium.FPDFPath_GetDrawMode(self.handle, mode, stroke)
                and mode.value != pdfium.FPDF_FILLMODE_NONE
            )
        return self.is_picture or self.kind == pdfium.FPDF_PAGEOBJ_SHADING

    @property
    def colour(self) -> tuple[int, int, int, int]:
        """Red, green, blue and opacity of its filling, 0 to 255."""
        if not _colour_of(self.address, *self.scratch.at_numbers):
            return 0, 0, 0, 255
        red, green, blue, alpha = self.scratch.numbers
        return red, green, blue, alpha

    @property
    def is_invisible(self) -> bool:
        """Whether its text is neither filled nor stroked (ISO 32000-1, table 106)."""
        return bool(_mode_of(self.address) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)

    @property
    def points(self) -> float:
        """The size of its letters on the page; infinite if it is unknown."""
        at = self.scratch.at
        if not (_size_of(self.address, at[0]) and _matrix_of(self.address, at[1])):
            return math.inf
        size, _, _, c, d, _, _ = self.scratch.floats
        return abs(size) * math.hypot(c, d) * math.hypot(self.parent[2], self.parent[3])

    @property
    def origin(self) -> tuple[float, float]:
        """The place of its own origin on the page; of text, of its first glyph."""
        matrix = _times(_matrix(self.address, self.scratch), self.parent)
        return matrix[4], matrix[5]

    @property
    def mark_count(self) -> int:
        """How many marked-content sequences it is in (ISO 32000-1, 14.6)."""
        return _marks_of(self.address)

    @property
    def in_layer(self) -> bool:
        """Whether it may be in optional content (ISO 32000-1, 8.11)."""
        for number in range(min(self.mark_count, _MAX_MARKS)):
            mark = pdfium.FPDFPageObj_GetMark(self.handle, number)
            buffer, size = ctypes.create_string_buffer(8), ctypes.c_ulong()
            name = ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR))
            if (
                pdfium.FPDFPageObjMark_GetName(mark, name, len(buffer), size)
                and buffer.raw[: len(_LAYER)] == _LAYER
                and size.value == len(_LAYER) + 2
            ):
                return True
        return False

    @property
    def is_clipped(self) -> bool:
        """Whether a clip may cut off a part of it."""
        clip = _clip_of(self.address)
        paths = _clips_of(clip) if clip else 0
        return paths > 0 and any(
            not _contains(_clip_bounds(pdfium.FPDFPageObj_GetClipPath(self.handle), n), self.bounds)
            for n in range(paths)
        )


def address_of(handle: Any) -> int:
    """Return what identifies an object of PDFium."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def overlap(one: Bounds, two: Bounds) -> float:
    """Return the area that two rectangles have in common."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    return width * height if width > 0 and height > 0 else 0.0


def objects_of(page: pypdfium2.PdfPage) -> Iterator[PageObject]:
    """Yield the objects of a page and of its forms, in the order of drawing."""
    yield from _walk(address_of(page.raw), _IDENTITY, _MAX_DEPTH, _Scratch(), in_form=False)


def _walk(
    parent: int, matrix: Matrix, depth: int, scratch: _Scratch, *, in_form: bool
) -> Iterator[PageObject]:
    count, get = (_count_of_form, _of_form) if in_form else (_count_of_page, _of_page)
    for index in range(min(count(parent), _MAX_OBJECTS)):
        address = get(parent, index)
        kind = _kind_of(address)
        if kind == pdfium.FPDF_PAGEOBJ_FORM:
            if depth:
                inner = _times(_matrix(address, scratch), matrix)
                yield from _walk(address, inner, depth - 1, scratch, in_form=True)
        elif _bounds_of(address, *scratch.at[:4]):
            left, bottom, right, top = scratch.floats[:4]
            bounds = (left, bottom, right, top)
            if in_form:
                bounds = _moved(bounds, matrix)
            yield PageObject(address, kind, bounds, matrix, scratch)


def _matrix(address: int, scratch: _Scratch) -> Matrix:
    if not _matrix_of(address, scratch.at[0]):
        return _IDENTITY
    a, b, c, d, e, f = scratch.floats[:6]
    return a, b, c, d, e, f


def _times(one: Matrix, two: Matrix) -> Matrix:
    a, b, c, d, e, f = one
    p, q, r, s, t, u = two
    return (
        *(a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s),
        *(e * p + f * r + t, e * q + f * s + u),
    )


def _moved(bounds: Bounds, matrix: Matrix) -> Bounds:
    a, b, c, d, e, f = matrix
    left, bottom, right, top = bounds
    corners = ((left, bottom), (left, top), (right, bottom), (right, top))
    across = [a * x + c * y + e for x, y in corners]
    up = [b * x + d * y + f for x, y in corners]
    return min(across), min(up), max(across), max(up)


def _clip_bounds(clip: Any, number: int) -> Bounds:
    """Return the rectangle of a path of a clip; everything if it is not a simple one."""
    count = pdfium.FPDFClipPath_CountPathSegments(clip, number)
    if not 0 < count <= _MAX_CLIP_POINTS:
        return _EVERYWHERE if count <= 0 else (0, 0, 0, 0)
    x, y = ctypes.c_float(), ctypes.c_float()
    across, up = [], []
    for index in range(count):
        segment = pdfium.FPDFClipPath_GetPathSegment(clip, number, index)
        if pdfium.FPDFPathSegment_GetPoint(segment, x, y):
            across.append(x.value)
            up.append(y.value)
    return (min(across), min(up), max(across), max(up)) if across else _EVERYWHERE


def _contains(outer: Bounds, inner: Bounds) -> bool:
    slack = 1.0
    return (
        outer[0] <= inner[0] + slack
        and outer[1] <= inner[1] + slack
        and outer[2] >= inner[2] - slack
        and outer[3] >= inner[3] - slack
    )
