"""Settles open questions of an earlier stage that the walk has answered."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from pdfsluice.plugins.pdf.vocabulary import OpenQuestion

_SPACE = rb"(?:[\x00\t\n\f\r ]++|%[^\r\n]*+)*+"
_BEFORE = re.compile(_SPACE)
_HEADER = re.compile(rb"(\d{1,10}+)" + _SPACE + rb"\d{1,10}+" + _SPACE + rb"obj")
_LOOK: Final = 64 * 1024
_HEADER_WITHIN: Final = 1024
"""Bytes in which qpdf looks for the header, from which it counts."""


def remaining_questions(
    path: Path, questions: Sequence[OpenQuestion], offsets: Mapping[int, int]
) -> list[int]:
    """Return the indexes of the questions that remain after a complete walk.

    - A question about an object at an offset is settled if the walk has read it there, or if no
      reader finds an object there. It remains for an earlier revision.
    - A question about a stretch of the file, with an offset and no object, remains.
    - A question without an offset is about whether there is more; the walk has seen all there is.

    Args:
        path: The file.
        questions: What could not be seen.
        offsets: Where the walk has read which object.
    """
    with path.open("rb") as file:
        shift = max(0, file.read(_HEADER_WITHIN).find(b"%PDF-"))
        return [
            index
            for index, (number, offset) in enumerate(questions)
            if offset is not None
            and (number is None or not _is_settled(file, number, offset - shift, shift, offsets))
        ]


def _is_settled(
    file: BinaryIO, number: int, offset: int, shift: int, offsets: Mapping[int, int]
) -> bool:
    """Return whether an object was read at an offset, or none is there."""
    if offsets.get(number) in (offset, offset + shift):
        return True
    file.seek(max(0, offset + shift))
    data = file.read(_LOOK)
    before = _BEFORE.match(data)
    start = before.end() if before is not None else 0
    header = _HEADER.match(data, start)
    if header is None:
        return start < _LOOK  # else it may begin after all the space
    return offsets.get(int(header[1])) in (offset, offset + start, offset + shift + start)
