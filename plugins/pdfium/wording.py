"""The errors of PDFium in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
from pypdfium2.raw import (
    FPDF_ERR_FILE,
    FPDF_ERR_FORMAT,
    FPDF_ERR_PASSWORD,
    FPDF_ERR_SECURITY,
    FPDF_ERR_SUCCESS,
)

from pdfsluice.core.documents.text.serving import CannotRead
from pdfsluice.core.documents.unreadable import LOCKED

_WHY: dict[int | None, str] = {
    FPDF_ERR_SUCCESS: "no page can be found in it",
    FPDF_ERR_FILE: "the file cannot be opened",
    FPDF_ERR_FORMAT: "the file is damaged, or no PDF",
    FPDF_ERR_PASSWORD: LOCKED,
    FPDF_ERR_SECURITY: "it is encrypted in a way that is not supported",
}


@contextmanager
def in_plain_words() -> Iterator[None]:
    """Raise errors of PDFium as ``CannotRead``, with the reason in words."""
    try:
        yield
    except pypdfium2.PdfiumError as error:
        raise CannotRead(_WHY.get(error.err_code, f"the file is damaged ({error})")) from error
