"""Hybrid parts count if sections in force name them or cannot be followed."""

import io

import pikepdf
import pytest

from pdfsluice.plugins.pdf.deep.hybrid import hides_objects
from tests.support.raw_pdfs import SCRIPT, document, hybrid, one_page, stream

HIDDEN = {**one_page(b"/OpenAction 4 0 R"), 4: SCRIPT}


def hides(content: bytes) -> bool:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return hides_objects(content, pdf)


def test_a_part_that_the_newest_section_names_is_found() -> None:
    assert hides(hybrid(HIDDEN))


def test_a_part_that_an_older_section_names_is_found() -> None:
    first = hybrid(HIDDEN)
    previous = int(first.rsplit(b"startxref\n", 1)[1].split()[0])
    trailer = b"trailer\n<</Size 52/Root 1 0 R/Prev %d>>\n" % previous
    update = b"xref\n0 1\n0000000000 65535 f \n" + trailer
    assert hides(first + update + b"startxref\n%d\n%%%%EOF\n" % len(first))


@pytest.mark.parametrize(
    ("sound", "damaged"),
    [(b"startxref\n", b"startxref\n9"), (b"/XRefStm", b"/Prev 7/XRefStm"), (b"%PDF", b" %PDF")],
)
def test_if_the_sections_cannot_be_followed_the_whole_file_is_searched(
    sound: bytes, damaged: bytes
) -> None:
    assert hides(hybrid(HIDDEN).replace(sound, damaged))


def test_words_in_a_stream_name_no_part() -> None:
    words = stream(b"trailer << /XRefStm 15 >>")
    assert not hides(document({**one_page(), 4: words}))
