"""The actions, events and annotations of both passes (ISO 32000-2, 12.5, 12.6).

There is one table of each, so that the passes cannot differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pdfsluice.core import FindingKind, Trigger


@dataclass(frozen=True, slots=True)
class ActionType:
    """A type of action (ISO 32000-2, table 201).

    Attributes:
        kind: The kind of finding that it is.
        operands: Keys of what it acts on (12.6.4); a dictionary that has none of them and does
            not stand where an action belongs is no action.
    """

    kind: FindingKind
    operands: tuple[str, ...]


ACTIONS: Final[Mapping[str, ActionType]] = {
    "JavaScript": ActionType(FindingKind.JAVASCRIPT, ("JS",)),
    "Launch": ActionType(FindingKind.LAUNCH, ("F", "Win", "Unix", "Mac")),
    "URI": ActionType(FindingKind.EXTERNAL_REFERENCES_URI, ("URI",)),
    "SubmitForm": ActionType(FindingKind.SUBMIT_FORM, ("F",)),
    "GoToR": ActionType(FindingKind.GOTO_REMOTE, ("F",)),
    "GoToE": ActionType(FindingKind.GOTO_REMOTE, ("F", "T", "D")),
    "ImportData": ActionType(FindingKind.IMPORT_DATA, ("F",)),
    "Rendition": ActionType(FindingKind.RICH_MEDIA, ("R", "OP", "AN", "JS")),
    "Movie": ActionType(FindingKind.RICH_MEDIA, ("Annotation", "T", "Operation")),
    "Sound": ActionType(FindingKind.RICH_MEDIA, ("Sound",)),
    "GoTo3DView": ActionType(FindingKind.RICH_MEDIA, ("TA", "V")),
    "RichMediaExecute": ActionType(FindingKind.RICH_MEDIA, ("TA", "CMD")),
}
"""Action types by their name."""

MEDIA_ANNOTATIONS: Final = frozenset({"RichMedia", "Screen", "Movie", "Sound", "3D"})
"""Annotation types that play something (ISO 32000-2, table 171)."""

PAGE_ACTIVATIONS: Final = frozenset({"PO", "PV"})
"""When 3D and rich media begin to run without being asked (ISO 32000-2, tables 310 and 335)."""

DOCUMENT_EVENTS: Final[Mapping[str, Trigger]] = {
    "WC": Trigger.CLOSE,
    "WP": Trigger.PRINT,
    "DP": Trigger.PRINT,
    "WS": Trigger.SAVE,
    "DS": Trigger.SAVE,
}
"""Events of a document (ISO 32000-2, table 200), the one that needs least of the reader first."""

PAGE_EVENTS: Final = frozenset({"PO", "PC", "PV", "PI"})
"""Events of the page that an annotation stands on (ISO 32000-2, table 197)."""

POINTER_EVENTS: Final = frozenset({"E", "X", "D", "U", "Fo", "Bl"})
"""Events of the pointer or the focus in the area of an annotation (ISO 32000-2, table 197)."""

FIELD_EVENTS: Final = frozenset({"K", "F", "V", "C"})
"""Events of the value of a form field (ISO 32000-2, table 199)."""
