"""Objects that a table marks as free, and that are referred to all the same.

PDFium and pdf.js take such an object for null. Poppler rebuilds the table when it is asked for
one, and finds it; so do other readers. What a document does by it counts as much as the rest.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final

from pikepdf import Array, Pdf

from .budget import Budget
from .opening import Source, content_of, open_stream, openers
from .values import dictionary_of, is_indirect, items_of, number_of
from .virtual_file import PatchedFile
from .walk import Opener

_WORD: Final = re.compile(rb"startxref")
_RENAMED: Final = b"startxreF"
"""Without the word, qpdf rebuilds the table from the objects that it finds."""


def rebuilding_opener(source: Source) -> Opener:
    """Return how to open a file as a reader does that rebuilds its table."""
    return lambda: open_stream(PatchedFile(content_of(source), _WORD, _RENAMED))


def reachable_free_objects(source: Source, numbers: Collection[int], budget: Budget) -> set[int]:
    """Return which objects the table does not list, and the document refers to.

    Args:
        source: The file.
        numbers: Numbers of objects that were seen in it.
        budget: Time for the whole inspection.

    Raises:
        OutOfTimeError: The time is over.
        PikepdfError: The file cannot be opened without its table.
    """
    with openers(source)[0]() as pdf:
        free = set(numbers) - {number for number, _ in pdf.get_xref_table()}
    if not free:
        return set()
    with rebuilding_opener(source)() as pdf:
        return free & _reachable(pdf, budget)


def _reachable(pdf: Pdf, budget: Budget) -> set[int]:
    """Return the numbers of all objects to which the catalogue leads."""
    visited: set[int] = set()
    pending: list[object] = [pdf.trailer.get("/Root")]
    while pending:
        budget.spend()
        value = pending.pop()
        if is_indirect(value):
            number = number_of(value, 0)
            if number in visited:
                continue
            visited.add(number)
        pending.extend(_children(value))
    return visited


def _children(value: object) -> Iterator[object]:
    if isinstance(value, Array):
        yield from items_of(value)
    elif (dictionary := dictionary_of(value)) is not None:
        yield from (item for _, item in dictionary.items())
