"""Which dictionaries are active content; the meaning counts, not the mere name.

An action needs what it acts on: ``/S /URI`` without ``/URI`` is no link, an empty ``/AA`` no
action, a blend mode called ``/Screen`` no rich media.
"""

from collections.abc import Iterator, Mapping

import pikepdf
from pikepdf import Array, Dictionary, Stream

from pdfsluice.core.findings import FindingKind, Trigger

from .sightings import Sighting
from .values import (
    dictionary_of,
    file_name_of,
    items_of,
    name_of,
    text_of,
)

ACTIONS: Mapping[str, tuple[FindingKind, frozenset[str]]] = {
    "/JavaScript": (FindingKind.JAVASCRIPT, frozenset({"/JS"})),
    "/Launch": (FindingKind.LAUNCH, frozenset({"/F", "/Win", "/Unix", "/Mac"})),
    "/URI": (FindingKind.EXTERNAL_REFERENCES_URI, frozenset({"/URI"})),
    "/SubmitForm": (FindingKind.SUBMIT_FORM, frozenset({"/F"})),
    "/GoToR": (FindingKind.GOTO_REMOTE, frozenset({"/F"})),
    "/GoToE": (FindingKind.GOTO_REMOTE, frozenset({"/F", "/T", "/D"})),
    "/ImportData": (FindingKind.IMPORT_DATA, frozenset({"/F"})),
    "/Rendition": (FindingKind.RICH_MEDIA, frozenset({"/R", "/OP", "/AN", "/JS"})),
    "/Movie": (FindingKind.RICH_MEDIA, frozenset({"/Annotation", "/T", "/Operation"})),
    "/Sound": (FindingKind.RICH_MEDIA, frozenset({"/Sound"})),
    "/RichMediaExecute": (FindingKind.RICH_MEDIA, frozenset({"/TA", "/CMD"})),
    "/GoTo3DView": (FindingKind.RICH_MEDIA, frozenset({"/TA", "/V"})),
}
"""Action types (ISO 32000-2, 12.6.4), the kind of each, and keys of which one must be there."""

MEDIA_ANNOTATIONS = frozenset({"/RichMedia", "/3D", "/Movie", "/Sound", "/Screen"})
INTERESTING = frozenset(
    name.encode()
    for name in (
        *ACTIONS,
        *MEDIA_ANNOTATIONS,
        "/JS",
        "/AA",
        "/OpenAction",
        "/AcroForm",
        "/XFA",
        "/EF",
        "/EmbeddedFile",
        "/EmbeddedFiles",
        "/FileAttachment",
    )
)
"""Names without which an object cannot hold anything of interest."""

DOCUMENT_EVENTS: Mapping[str, Trigger] = {
    "/WC": Trigger.CLOSE,
    "/WP": Trigger.PRINT,
    "/DP": Trigger.PRINT,
    "/WS": Trigger.SAVE,
    "/DS": Trigger.SAVE,
}
"""Events of a document (ISO 32000-2, table 200), the one that needs least of the reader first."""

_ACTION_KEYS = frozenset({"/A", "/OpenAction", "/Next", "/PA"})
_MEDIA_KEYS = frozenset({"/Rect", "/RichMediaContent", "/3DD"})


def look_at(
    found: Dictionary, *, key: str, parent_key: str, number: int, root: bool
) -> Iterator[Sighting]:
    """Say what a dictionary is.

    Args:
        found: The dictionary, or that of a stream.
        key: The key under which it stands in its object, or an empty string.
        parent_key: The key of what that stands in, or an empty string.
        number: The number of the object it stands in.
        root: Whether it is the document's catalogue.
    """
    yield from actions_in(found, number, expected=key in _ACTION_KEYS or parent_key == "/AA")
    subtype = name_of(found.get("/Subtype"))
    if subtype in MEDIA_ANNOTATIONS and not _MEDIA_KEYS.isdisjoint(found.keys()):
        yield Sighting(kind=FindingKind.RICH_MEDIA, object=number, subject=subtype[1:])
    if "/AA" in found and _has_action(found.get("/AA")):
        yield Sighting(
            kind=FindingKind.ADDITIONAL_ACTIONS, object=number, trigger=_aa_trigger(found, root)
        )
    if "/XFA" in found and isinstance(found.get("/XFA"), (Array, Stream)):
        yield Sighting(kind=FindingKind.FORMS_XFA, object=number, subject=_scripts(found["/XFA"]))
    if root or name_of(found.get("/Type")) == "/Catalog":
        yield from _catalogue(found, number)


def actions_in(found: Dictionary, number: int, *, expected: bool) -> Iterator[Sighting]:
    """Say what a dictionary is as an action.

    Args:
        expected: Whether it stands where an action belongs; one elsewhere must be complete.
    """
    kind, needed = ACTIONS.get(name_of(found.get("/S")), (None, frozenset()))
    if kind is None:
        return
    complete = not needed.isdisjoint(found.keys())
    if complete or expected or name_of(found.get("/Type")) == "/Action":
        yield Sighting(kind=kind, object=number, excerpt=_target(found))
        if kind is not FindingKind.JAVASCRIPT and "/JS" in found:  # a rendition with a script
            script = text_of(found.get("/JS"))
            yield Sighting(kind=FindingKind.JAVASCRIPT, object=number, excerpt=script)


def _catalogue(found: Dictionary, number: int) -> Iterator[Sighting]:
    opening = found.get("/OpenAction")
    if isinstance(opening, (Dictionary, Array)):
        yield Sighting(kind=FindingKind.OPEN_ACTION, object=number, trigger=Trigger.OPEN)
    if dictionary_of(found.get("/AcroForm")) is not None:
        yield Sighting(kind=FindingKind.FORMS_ACROFORM, object=number)


def _has_action(value: object) -> bool:
    triggers = dictionary_of(value)
    return triggers is not None and any(
        dictionary_of(action) is not None for _, action in triggers.items()
    )


def _aa_trigger(found: Dictionary, root: bool) -> Trigger:  # noqa: FBT001 - private
    if root:
        events = dictionary_of(found.get("/AA"))
        present = () if events is None else events.keys()
        return next((run for key, run in DOCUMENT_EVENTS.items() if key in present), Trigger.CLOSE)
    if name_of(found.get("/Type")) == "/Page":
        return Trigger.PAGE
    is_field = "/FT" in found or name_of(found.get("/Subtype")) == "/Widget"
    return Trigger.FIELD if is_field else Trigger.CLICK


def _target(action: Dictionary) -> str:
    """Return what an action acts on: its script, address or file."""
    for key in ("/JS", "/URI"):
        if key in action:
            return text_of(action.get(key))
    for key in ("/F", "/Win", "/Unix", "/Mac"):
        if key in action:
            name = file_name_of(action.get(key))
            launched = dictionary_of(action.get(key))
            arguments = text_of(launched.get("/P")) if launched is not None else ""
            return f"{name} {arguments}".strip()
    return ""


def _scripts(form: object) -> str:
    """Say whether a form of XML has scripts of its own (ISO 32000-1, 12.7.8)."""
    packets = [form, *items_of(form)]
    for packet in packets:
        if isinstance(packet, Stream):
            try:
                content = packet.read_bytes()
            except (pikepdf.PikepdfError, ValueError):
                continue
            if b"<script" in content:
                return "scripts"
    return ""
