"""The text of notes on pages (fields, annotations) and of remarks on documents.

All extractors use these forms, so that the stored text does not depend on the extractor.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_MAX_NOTE = 10_000
_MAX_LABEL = 200


class NoteKind(StrEnum):
    """The kind of a note on a page; the value is the word that marks it in the text."""

    FIELD = "Form field"
    TEXT_BOX = "Text box"
    COMMENT = "Comment"
    HIDDEN = "Hidden text"
    BOOKMARK = "Bookmark"
    ATTACHMENT = "Attachment"


_MARKED = re.compile(rf"(?:{'|'.join(NoteKind)})(?: [^\n]{{1,{_MAX_LABEL}}})?: ")


@dataclass(frozen=True, slots=True)
class PageNote:
    """Text that belongs to a page, but not to its content stream.

    Attributes:
        kind: The value of a field, a free text annotation, a comment, a bookmark of the page or
            a file that is attached to the document.
        text: The value or the text.
        label: The name of the field or file; empty for others.
    """

    kind: NoteKind
    text: str
    label: str = ""


def with_notes(text: str, notes: Iterable[PageNote]) -> str:
    """Return the text of a page followed by its notes, one marked line each."""
    lines = [_line(note) for note in notes if note.text.strip()]
    if not lines:
        return text
    body = text.rstrip()
    return "\n".join([body, *lines] if body else lines)


def _line(note: PageNote) -> str:
    label = " ".join(note.label.split())[:_MAX_LABEL]
    value = " ".join(note.text.split())[:_MAX_NOTE]
    return f"{note.kind} {label}: {value}" if label else f"{note.kind}: {value}"


def split_notes(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of a page without its notes, and their marked lines."""
    lines = text.split("\n")
    end = len(lines)
    while end and _MARKED.match(lines[end - 1]):
        end -= 1
    return "\n".join(lines[:end]), tuple(lines[end:])


def portfolio_note(files: int) -> str:
    """Return the sentence for a portfolio (ISO 32000-1, 7.11.6)."""
    inside = f"; its {files} files are not" if files else ""
    return f"The document is a portfolio: only its cover can be searched{inside}."


PROTECTED_NOTE = (
    "The document is a wrapper around an encrypted one: only the wrapper itself can be searched."
)
XFA_NOTE = (
    "The document is an XFA form: its pages are a placeholder, and the form itself is not read."
)

_PLACEHOLDER = re.compile(
    r"please\s+wait.{0,400}(?:viewer|adobe|reader)", re.IGNORECASE | re.DOTALL
)


def is_placeholder(text: str) -> bool:
    """Return whether a page is the one that stands for an XFA form in other viewers."""
    return _PLACEHOLDER.search(text[:2000]) is not None
