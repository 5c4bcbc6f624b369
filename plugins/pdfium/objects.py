"""The objects on a page, with what decides whether text can be seen."""

import ctypes
import math
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import pypdfium2
import pypdfium2.raw as pdfium

from .calls import Address, unchecked

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


_TEXT, _PICTURE, _PATH, _SHADING, _FORM = (
    pdfium.FPDF_PAGEOBJ_TEXT,
    pdfium.FPDF_PAGEOBJ_IMAGE,
    pdfium.FPDF_PAGEOBJ_PATH,
    pdfium.FPDF_PAGEOBJ_SHADING,
    pdfium.FPDF_PAGEOBJ_FORM,
)
_INVISIBLE = pdfium.FPDF_TEXTRENDERMODE_INVISIBLE

_of_page = unchecked(pdfium.FPDFPage_GetObject, Address)
_of_form = unchecked(pdfium.FPDFFormObj_GetObject, Address)
_count_of_page = unchecked(pdfium.FPDFPage_CountObjects)
_count_of_form = unchecked(pdfium.FPDFFormObj_CountObjects)
_kind_of = unchecked(pdfium.FPDFPageObj_GetType)
_bounds_of = unchecked(pdfium.FPDFPageObj_GetBounds)
_colour_of = unchecked(pdfium.FPDFPageObj_GetFillColor)
_mode_of = unchecked(pdfium.FPDFTextObj_GetTextRenderMode)
_size_of = unchecked(pdfium.FPDFTextObj_GetFontSize)
_matrix_of = unchecked(pdfium.FPDFPageObj_GetMatrix)
_mark_count_of = unchecked(pdfium.FPDFPageObj_CountMarks)
_clip_of = unchecked(pdfium.FPDFPageObj_GetClipPath, Address)
_path_count_of = unchecked(pdfium.FPDFClipPath_CountPaths)
_draw_mode_of = unchecked(pdfium.FPDFPath_GetDrawMode)


class _Scratch:
    """Memory into which PDFium writes, with pointers to its cells."""

    def __init__(self) -> None:
        self.floats = array("f", [0.0] * 7)
        self.box = array("f", [0.0] * 4)
        self.numbers = array("I", [0] * 4)
        floats = (ctypes.c_float * 7).from_buffer(self.floats)
        box = (ctypes.c_float * 4).from_buffer(self.box)
        numbers = (ctypes.c_uint * 4).from_buffer(self.numbers)
        self.at = [ctypes.byref(floats, 4 * n) for n in range(7)]
        self.at_box = [ctypes.byref(box, 4 * n) for n in range(4)]
        self.at_numbers = [ctypes.byref(numbers, 4 * n) for n in range(4)]


class PageObject(NamedTuple):
    """An object that is drawn.

    Attributes:
        pointer: Where PDFium has it.
        kind: PDFium's number of its kind.
        bounds: Its rectangle.
        parent: From the space of the form that it is in to that of the page.
        growth: How much the form enlarges heights.
        scratch: Memory for answers of PDFium.
    """

    pointer: Address
    kind: int
    bounds: Bounds
    parent: Matrix
    growth: float
    scratch: _Scratch

    @property
    def address(self) -> int:
        """Its address in memory, which identifies it."""
        return self.pointer.value or 0

    @property
    def handle(self) -> Any:
        """The object for functions of PDFium."""
        return ctypes.cast(self.pointer, pdfium.FPDF_PAGEOBJECT)

    @property
    def is_text(self) -> bool:
        """Whether it is text."""
        return bool(self.kind == _TEXT)

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture."""
        return bool(self.kind == _PICTURE)

    @property
    def covers(self) -> bool:
        """Whether it is drawn over an area, so that it may hide what is under it."""
        if self.kind == _PATH:
            numbers, at = self.scratch.numbers, self.scratch.at_numbers
            is_known = _draw_mode_of(self.pointer, at[0], at[1])
            return bool(is_known) and numbers[0] != pdfium.FPDF_FILLMODE_NONE
        return self.kind in {_PICTURE, _SHADING}

    @property
    def colour(self) -> tuple[int, int, int, int]:
        """Red, green, blue and opacity of its filling, 0 to 255."""
        if not _colour_of(self.pointer, *self.scratch.at_numbers):
            return 0, 0, 0, 255
        red, green, blue, alpha = self.scratch.numbers
        return red, green, blue, alpha

    @property
    def is_invisible(self) -> bool:
        """Whether its text is neither filled nor stroked (ISO 32000-1, table 106)."""
        return bool(_mode_of(self.pointer) == _INVISIBLE)

    @property
    def points(self) -> float:
        """The size of its letters on the page; infinite if it is unknown."""
        at = self.scratch.at
        if not (_size_of(self.pointer, at[0]) and _matrix_of(self.pointer, at[1])):
            return math.inf
        size, _, _, c, d, _, _ = self.scratch.floats
        return abs(size) * math.hypot(c, d) * self.growth

    @property
    def origin(self) -> tuple[float, float]:
        """The place of its own origin on the page; of text, of its first glyph."""
        matrix = _times(_matrix(self.pointer, self.scratch), self.parent)
        return matrix[4], matrix[5]

    @property
    def mark_count(self) -> int:
        """How many marked-content sequences it is in (ISO 32000-1, 14.6)."""
        count: int = _mark_count_of(self.pointer)
        return count

    @property
    def in_layer(self) -> bool:
        """Whether it may be in optional content (ISO 32000-1, 8.11)."""
        count = self.mark_count
        if not count:
            return False
        for number in range(min(count, _MAX_MARKS)):
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
        clip = _clip_of(self.pointer)
        paths = _path_count_of(clip) if clip else 0
        return paths > 0 and any(
            not _contains(_clip_bounds(pdfium.FPDFPageObj_GetClipPath(self.handle), n), self.bounds)
            for n in range(paths)
        )


def overlap(one: Bounds, two: Bounds) -> float:
    """Return the area that two rectangles have in common."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    return width * height if width > 0 and height > 0 else 0.0


def objects_of(page: pypdfium2.PdfPage) -> Iterator[PageObject]:
    """Return the objects of a page and of its forms, in the order of drawing."""
    return _walk(page.raw, _IDENTITY, _MAX_DEPTH, _Scratch(), in_form=False)


def _walk(
    parent: Any, matrix: Matrix, depth: int, scratch: _Scratch, *, in_form: bool
) -> Iterator[PageObject]:
    count, get = (_count_of_form, _of_form) if in_form else (_count_of_page, _of_page)
    growth = math.hypot(matrix[2], matrix[3])
    box, (left_at, bottom_at, right_at, top_at) = scratch.box, scratch.at_box
    for index in range(min(count(parent), _MAX_OBJECTS)):
        pointer = get(parent, index)
        kind = _kind_of(pointer)
        if kind == _FORM:
            if depth:
                inner = _times(_matrix(pointer, scratch), matrix)
                yield from _walk(pointer, inner, depth - 1, scratch, in_form=True)
        elif _bounds_of(pointer, left_at, bottom_at, right_at, top_at):
            left, bottom, right, top = box
            bounds = (left, bottom, right, top)
            if in_form:
                bounds = _moved(bounds, matrix)
            yield PageObject(pointer, kind, bounds, matrix, growth, scratch)


def _matrix(pointer: Address, scratch: _Scratch) -> Matrix:
    if not _matrix_of(pointer, scratch.at[0]):
        return _IDENTITY
    a, b, c, d, e, f, _ = scratch.floats
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
