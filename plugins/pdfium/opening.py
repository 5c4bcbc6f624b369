"""Opens a document with PDFium: its forms, its page tree, its attachments."""

from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from pdfsluice.core.documents.text.notes import XFA_NOTE


def open_document(path: Path) -> pypdfium2.PdfDocument:
    """Open a document with the environment that its form fields need.

    Raises:
        pypdfium2.PdfiumError: PDFium cannot read it.
    """
    return _with_forms(pypdfium2.PdfDocument(path))


def open_with_page(path: Path, number: int) -> pypdfium2.PdfDocument:
    """Open a document; if PDFium finds no page, rebuild the page tree.

    PDFium believes the tree's ``/Count`` (ISO 32000-1, 7.7.3.2), which may be less than the
    number of pages. The rebuilt file is kept in memory, within the limits of this process.

    Args:
        path: The file.
        number: 1-based number of the page. The document may have fewer all the same.

    Raises:
        pypdfium2.PdfiumError: PDFium cannot read it.
    """
    document = open_document(path)
    if number <= len(document):
        return document
    from .structure import rebuilt_tree  # noqa: PLC0415 - loads pikepdf, which few files need

    rebuilt = rebuilt_tree(path, number)
    if rebuilt is None:
        return document
    document.close()
    return _with_forms(pypdfium2.PdfDocument(rebuilt))


def _with_forms(document: pypdfium2.PdfDocument) -> pypdfium2.PdfDocument:
    if document.get_formtype() != pdfium.FORMTYPE_NONE:
        document.init_forms()
    return document


def notes_about(path: Path, document: pypdfium2.PdfDocument) -> tuple[str, ...]:
    """Return sentences about what cannot be seen in the document's pages."""
    notes: list[str] = []
    if document.get_formtype() == pdfium.FORMTYPE_XFA_FULL:
        notes.append(XFA_NOTE)
    if pdfium.FPDFDoc_GetAttachmentCount(document) > 0:
        from .structure import wrapper_notes  # noqa: PLC0415 - see above

        notes += wrapper_notes(path)
    return tuple(notes)
