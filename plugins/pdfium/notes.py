"""Values of form fields and texts of annotations on a page, through PDFium."""

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from pdfsluice.core.documents.text.notes import NoteKind, PageNote

_INVISIBLE = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13  # of /Ff (ISO 32000-1, table 228)
_MAX_ANNOTATIONS = 5000
_TERMINATOR = 2  # bytes of the zero that ends a string
_COMMENTS = frozenset(
    {
        pdfium.FPDF_ANNOT_TEXT,
        pdfium.FPDF_ANNOT_HIGHLIGHT,
        pdfium.FPDF_ANNOT_UNDERLINE,
        pdfium.FPDF_ANNOT_SQUIGGLY,
        pdfium.FPDF_ANNOT_STRIKEOUT,
        pdfium.FPDF_ANNOT_STAMP,
        pdfium.FPDF_ANNOT_LINE,
        pdfium.FPDF_ANNOT_SQUARE,
        pdfium.FPDF_ANNOT_CIRCLE,
        pdfium.FPDF_ANNOT_CARET,
    }
)
_WITH_VALUE = frozenset(
    {pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX}
)
_WITH_STATE = frozenset({pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON})


def notes_of(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> Iterator[PageNote]:
    """Yield the visible notes of a page in the order of its annotations.

    Values of fields need the document's form environment; values of password fields are left
    out.
    """
    form = document.formenv.raw if document.formenv else None
    count = min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)
    for index in range(count):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            note = _note(annotation, form)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
        if note is not None:
            yield note


def _note(annotation: Any, form: Any) -> PageNote | None:
    if pdfium.FPDFAnnot_GetFlags(annotation) & _INVISIBLE:
        return None
    subtype = pdfium.FPDFAnnot_GetSubtype(annotation)
    if subtype == pdfium.FPDF_ANNOT_WIDGET:
        return _field(annotation, form) if form else None
    if subtype == pdfium.FPDF_ANNOT_FREETEXT:
        return PageNote(NoteKind.TEXT_BOX, contents_of(annotation))
    if subtype in _COMMENTS:
        return PageNote(NoteKind.COMMENT, contents_of(annotation))
    return None


def _field(annotation: Any, form: Any) -> PageNote | None:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    flags = pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation)
    if flags & _PASSWORD and kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
        return None
    label = _string(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation) or _string(
        pdfium.FPDFAnnot_GetFormFieldName, form, annotation
    )
    if kind in _WITH_VALUE:
        value = _string(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
        return PageNote(NoteKind.FIELD, value, label)
    if kind in _WITH_STATE and pdfium.FPDFAnnot_IsChecked(form, annotation):
        value = _string(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation)
        return PageNote(NoteKind.FIELD, value or "on", label)
    return None


def contents_of(annotation: Any) -> str:
    """Return the text of an annotation."""
    return _string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")


def _string(getter: Callable[..., int], *arguments: Any) -> str:
    """Call a PDFium function that fills a buffer with UTF-16LE, ending with a zero."""
    size = getter(*arguments, None, 0)
    if size <= _TERMINATOR:
        return ""
    buffer = ctypes.create_string_buffer(size)
    getter(*arguments, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return buffer.raw[: size - _TERMINATOR].decode("utf-16-le", "replace")
