"""What PDFium does not do itself: repair a page tree, recognize wrappers.

Only some documents need it, and pikepdf takes 40 ms to load, so this is imported for them alone.
"""

import io
from pathlib import Path

import pikepdf

from pdfsluice.core.documents.text.notes import PROTECTED_NOTE, portfolio_note

_DAMAGE = (pikepdf.PdfError, ValueError, TypeError, RuntimeError, AttributeError)


def rebuilt_tree(path: Path, number: int) -> bytes | None:
    """Return a file with a correct page tree, if it has a page of this number, from 1."""
    try:
        with pikepdf.open(path) as pdf:
            if len(pdf.pages) < number:
                return None
            pdf.Root.Pages.Count = len(pdf.pages)  # the library compares it
            pdf.pages.append(pdf.pages[0])  # any change has the tree rebuilt
            del pdf.pages[-1]
            buffer = io.BytesIO()
            pdf.save(buffer)
            return buffer.getvalue()
    except _DAMAGE:
        return None


def wrapper_notes(path: Path) -> list[str]:
    """Recognize a portfolio, or the wrapper of an encrypted document."""
    try:
        with pikepdf.open(path) as pdf:
            files = [pdf.attachments[name] for name in pdf.attachments]
            payload = pikepdf.Name.EncryptedPayload
            if any(file.obj.get("/EP") or file.relationship == payload for file in files):
                return [PROTECTED_NOTE]
            return [portfolio_note(len(files))] if "/Collection" in pdf.Root else []
    except _DAMAGE:
        return []
