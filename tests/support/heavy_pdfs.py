"""Small PDFs whose text is large."""

import io

import pikepdf

from pdfsluice.core.testing.pdfs import make_pdf

_LINE = 50  # characters, with the end of the line


def repeated_pages(pages: int, *, characters: int) -> bytes:
    """Return a PDF all of whose pages show the same content stream.

    Args:
        pages: How many pages there are.
        characters: How many each of them has, ends of lines included; a multiple of 50.
    """
    text = "\n".join(["x" * (_LINE - 1)] * (characters // _LINE)) + "x"
    with pikepdf.open(io.BytesIO(make_pdf([text]))) as pdf:
        for _ in range(pages - 1):
            pdf.pages.append(pdf.pages[0])
        made = io.BytesIO()
        pdf.save(made)
    return made.getvalue()
