"""The limits of the Markdown parser: each ends the reading of one file, in a sentence."""

import io
from pathlib import Path

import pikepdf
import pytest

from pdfsluice.core import StageFailed
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins.markdown.extractor import MarkdownText
from pdfsluice.plugins.markdown.options import MarkdownOptions


def locked() -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(make_pdf(["secret"]))) as pdf:
        pdf.save(buffer, encryption=pikepdf.Encryption(owner="o", user="u"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("options", "content", "message"),
    [
        ({"document_seconds": 0.001}, make_pdf(["a page"] * 200), "it takes too long"),
        ({"max_file_mb": 1}, bytes(2**20 + 1), "Files of more than 1 MiB are not read"),
        ({}, locked(), "opens only with a password"),
        ({}, b"a text", "damaged, or no PDF"),
    ],
    ids=["slow", "large", "locked", "no-pdf"],
)
async def test_a_limit_is_a_clear_failure(
    tmp_path: Path, options: dict[str, float], content: bytes, message: str
) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(content)
    extractor = MarkdownText(MarkdownOptions.model_validate(options))
    try:
        with pytest.raises(StageFailed, match=message):
            await anext(aiter(extractor.pages(path)))
    finally:
        await extractor.close()
