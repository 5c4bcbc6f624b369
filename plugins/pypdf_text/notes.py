"""Reads field values, annotations and attachments through pypdf."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject

from pdfsluice.core.documents.text.notes import (
    PROTECTED_NOTE,
    XFA_NOTE,
    NoteKind,
    PageNote,
    is_placeholder,
    portfolio_note,
)

_INVISIBLE = 2 | 32  # hidden, no view (ISO 32000-1, table 165)
_PASSWORD = 1 << 13  # of /Ff (table 228)
_MAX_ANNOTATIONS = 5000
_MAX_PARENTS = 20
_COMMENTS = frozenset(
    {
        "/Text",
        "/Highlight",
        "/Underline",
        "/Squiggly",
        "/StrikeOut",
        "/Stamp",
        "/Line",
        "/Square",
        "/Circle",
        "/Caret",
    }
)
_DAMAGE = (PyPdfError, KeyError, TypeError, AttributeError, ValueError, RecursionError)


def notes_of(page: PageObject) -> Iterator[PageNote]:
    """Yield the visible notes of a page; damaged annotations are left out."""
    try:
        annotations = list(page.annotations or ())[:_MAX_ANNOTATIONS]
    except _DAMAGE:
        return
    for reference in annotations:
        with suppress(*_DAMAGE):
            note = _note(reference.get_object())
            if note is not None:
                yield note


def _note(annotation: DictionaryObject) -> PageNote | None:
    if int(annotation.get("/F", 0)) & _INVISIBLE:
        return None
    subtype = annotation.get("/Subtype")
    if subtype == "/Widget":
        return _field(annotation)
    text = str(annotation.get("/Contents", ""))
    if subtype == "/FreeText":
        return PageNote(NoteKind.TEXT_BOX, text)
    return PageNote(NoteKind.COMMENT, text) if subtype in _COMMENTS else None


def _field(widget: DictionaryObject) -> PageNote | None:
    kind = _inherited(widget, "/FT")
    if int(_inherited(widget, "/Ff") or 0) & _PASSWORD and kind == "/Tx":
        return None
    value = _inherited(widget, "/V")
    label = str(_inherited(widget, "/TU") or _inherited(widget, "/T") or "")
    if value is None or kind not in {"/Tx", "/Ch", "/Btn"}:
        return None
    if kind == "/Btn":
        state = str(widget.get("/AS", "/Off"))
        return None if state == "/Off" else PageNote(NoteKind.FIELD, state.lstrip("/"), label)
    texts = value if isinstance(value, ArrayObject) else [value]
    return PageNote(NoteKind.FIELD, ", ".join(str(text) for text in texts), label)


def _inherited(field: DictionaryObject, key: str) -> Any:
    """Return an entry of a field or of its nearest ancestor (ISO 32000-1, 12.7.3.2)."""
    node: Any = field
    for _ in range(_MAX_PARENTS):
        if key in node:
            return node[key]
        if "/Parent" not in node:
            return None
        node = node["/Parent"].get_object()
    return None


def notes_about(reader: PdfReader, first_page: str) -> tuple[str, ...]:
    """Return sentences about what cannot be seen in the document's pages."""
    with suppress(*_DAMAGE):
        root = reader.root_object
        form = root.get("/AcroForm")
        notes: list[str] = []
        if form is not None and "/XFA" in form.get_object():
            dynamic = bool(root.get("/NeedsRendering", False))
            notes += [XFA_NOTE] if dynamic or is_placeholder(first_page) else []
        files = _attachments(root)
        if any(_is_encrypted_payload(file) for file in files):
            notes.append(PROTECTED_NOTE)
        elif "/Collection" in root:
            notes.append(portfolio_note(len(files)))
        return tuple(notes)
    return ()


def _attachments(root: DictionaryObject) -> list[DictionaryObject]:
    """Return the file specifications of the name tree (ISO 32000-1, 7.11.4)."""
    names = root.get("/Names", DictionaryObject()).get_object()
    pending = [names["/EmbeddedFiles"].get_object()] if "/EmbeddedFiles" in names else []
    files: list[DictionaryObject] = []
    while pending and len(files) < _MAX_ANNOTATIONS:
        node = pending.pop()
        files += [item.get_object() for item in node.get("/Names", ())[1::2]]
        pending += [kid.get_object() for kid in node.get("/Kids", ())[:_MAX_ANNOTATIONS]]
    return files


def _is_encrypted_payload(file: DictionaryObject) -> bool:
    return "/EP" in file or file.get("/AFRelationship") == "/EncryptedPayload"
