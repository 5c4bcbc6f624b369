"""Which dictionaries are active, and what runs them (ISO 32000-2, 12.6)."""

from pdfsluice.core.findings import FindingKind, Trigger

from .report import excerpt_of
from .values import (
    Dictionary,
    Name,
    Reference,
    Text,
    Value,
)

ACTIONS: dict[bytes, FindingKind] = {
    b"JavaScript": FindingKind.JAVASCRIPT,
    b"Launch": FindingKind.LAUNCH,
    b"URI": FindingKind.EXTERNAL_REFERENCES_URI,
    b"SubmitForm": FindingKind.SUBMIT_FORM,
    b"GoToR": FindingKind.GOTO_REMOTE,
    b"GoToE": FindingKind.GOTO_REMOTE,
    b"ImportData": FindingKind.IMPORT_DATA,
    b"Rendition": FindingKind.RICH_MEDIA,
    b"Movie": FindingKind.RICH_MEDIA,
    b"Sound": FindingKind.RICH_MEDIA,
    b"GoTo3DView": FindingKind.RICH_MEDIA,
    b"RichMediaExecute": FindingKind.RICH_MEDIA,
}
"""Action types by their name (table 201)."""

_TARGETS: dict[bytes, tuple[bytes, ...]] = {
    b"JavaScript": (b"JS",),
    b"Launch": (b"F", b"Win", b"Unix", b"Mac"),
    b"URI": (b"URI",),
    b"SubmitForm": (b"F",),
    b"GoToR": (b"F",),
    b"GoToE": (b"F", b"D"),
    b"ImportData": (b"F",),
    b"Rendition": (b"OP", b"AN", b"JS"),
    b"Movie": (b"Annotation", b"Operation"),
    b"Sound": (b"Sound",),
    b"GoTo3DView": (b"TA", b"V"),
    b"RichMediaExecute": (b"TA", b"CMD"),
}
"""What each type of action acts on (12.6.4): keys that no structure element has (table 355)."""

MEDIA_ANNOTATIONS = frozenset({b"RichMedia", b"Screen", b"Movie", b"Sound", b"3D"})
"""Annotation types that play something (table 171)."""

MESSAGES: dict[FindingKind, str] = {
    FindingKind.JAVASCRIPT: "The document contains JavaScript",
    FindingKind.OPEN_ACTION: "The document has an action",
    FindingKind.ADDITIONAL_ACTIONS: "The document has automatic actions",
    FindingKind.LAUNCH: "An action starts a program or opens a file",
    FindingKind.EMBEDDED_FILES: "A file is attached",
    FindingKind.FORMS_ACROFORM: "The document is a form",
    FindingKind.FORMS_XFA: "The document carries an XFA form",
    FindingKind.EXTERNAL_REFERENCES_URI: "A link leads out of the document",
    FindingKind.SUBMIT_FORM: "An action sends form data",
    FindingKind.GOTO_REMOTE: "An action opens another document",
    FindingKind.IMPORT_DATA: "An action imports form data",
    FindingKind.RICH_MEDIA: "The document plays video, sound or 3D",
}

_DOCUMENT_EVENTS: dict[bytes, Trigger] = {
    b"WC": Trigger.CLOSE,
    b"WP": Trigger.PRINT,
    b"DP": Trigger.PRINT,
    b"WS": Trigger.SAVE,
    b"DS": Trigger.SAVE,
}
"""Events of the document (table 200), the one that needs least of the reader first."""

EVENTS: dict[bytes, Trigger] = {
    **_DOCUMENT_EVENTS,
    **dict.fromkeys((b"PO", b"PC", b"PV", b"PI"), Trigger.PAGE),
}
"""Events that are known by their key, whatever has them (tables 197 and 200)."""

_BY_KEY: dict[bytes, Trigger] = {**EVENTS, b"O": Trigger.PAGE, b"C": Trigger.PAGE}
_EXCERPTS: dict[FindingKind | None, tuple[bytes, ...]] = {
    FindingKind.JAVASCRIPT: (b"JS",),
    FindingKind.EXTERNAL_REFERENCES_URI: (b"URI",),
    None: (b"UF", b"F", b"Desc"),
}
_FILE = (b"F", b"Win", b"UF", b"D", b"P")


def additional_trigger(owner: Dictionary, actions: Value) -> Trigger:
    """Return what runs the additional actions of an object (12.6.3, tables 197 to 200).

    Of several actions of a document the strongest trigger counts; a page's are known by the
    object that has them. Where only a reference is known, it is the strongest that there may be.
    """
    types = owner.names(b"Type")
    if b"Page" in types:
        return Trigger.PAGE
    if b"Catalog" in types or b"Pages" in owner:
        present = actions if isinstance(actions, Dictionary) else Dictionary([])
        return next((run for key, run in _DOCUMENT_EVENTS.items() if key in present), Trigger.CLOSE)
    if b"FT" in owner or b"Widget" in owner.names(b"Subtype"):
        fallback = Trigger.FIELD
    elif b"Subtype" in owner:
        fallback = Trigger.CLICK
    else:
        fallback = Trigger.FIELD
    if isinstance(actions, Dictionary) and b"FT" not in owner:
        for key, _ in actions.entries:
            if key in _BY_KEY and (key not in (b"O", b"C") or b"Subtype" not in owner):
                return _BY_KEY[key]
    return fallback


def action_names(entry: Dictionary) -> set[bytes]:
    """Return which actions a dictionary is.

    ``/S`` of a structure element (14.7.2) names a type of structure, which may be called like
    an action; but what has something to act on is an action, whatever else stands there.
    """
    names = entry.names(b"S") & ACTIONS.keys()
    if b"StructElem" in entry.names(b"Type") or (b"P" in entry and b"K" in entry):
        return {name for name in names if any(key in entry for key in _TARGETS[name])}
    return names


def action_excerpt(kind: FindingKind | None, entry: Dictionary) -> str:
    """Return a short piece of what an action does, or the name of an attached file."""
    for key in _EXCERPTS.get(kind, _FILE):
        for value in entry.every(key):
            shown = _show(value)
            if shown:
                return shown
    return ""


def _show(value: Value) -> str:
    if isinstance(value, Text):
        return excerpt_of(value.head)
    if isinstance(value, Name):
        return excerpt_of(value.text)
    if isinstance(value, Reference):
        return ""
    if isinstance(value, Dictionary):
        inner = (_show(v) for k, v in value.entries if k in (b"UF", b"F", b"P", b"URI"))
        return next((text for text in inner if text), "")
    return ""
