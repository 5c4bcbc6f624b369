"""Which dictionaries are active content; the meaning counts, not the mere name.

An action needs what it acts on: ``/S /URI`` without ``/URI`` is no link, an empty ``/AA`` no
action, a blend mode called ``/Screen`` no rich media.
"""

from collections.abc import Iterator, Mapping

from pikepdf import Array, Dictionary, Stream, String

from pdfsluice.core import FindingKind, Trigger
from pdfsluice.plugins.pdf.actions import ACTIONS, DOCUMENT_EVENTS, MEDIA_ANNOTATIONS
from pdfsluice.plugins.pdf.targets import is_network_path, is_unusual_address
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .values import (
    dictionary_of,
    file_name_of,
    name_of,
    text_of,
)
from .xfa import scripts_of

_ACTIONS: Mapping[str, tuple[FindingKind, frozenset[str]]] = {
    f"/{name}": (action.kind, frozenset(f"/{key}" for key in action.operands))
    for name, action in ACTIONS.items()
}
_MEDIA_ANNOTATIONS = frozenset(f"/{name}" for name in MEDIA_ANNOTATIONS)
INTERESTING = frozenset(
    name.encode()
    for name in (
        *_ACTIONS,
        *_MEDIA_ANNOTATIONS,
        "/JS",
        "/AA",
        "/OpenAction",
        "/AcroForm",
        "/XFA",
        "/EF",
        "/EmbeddedFile",
        "/EmbeddedFiles",
        "/FileAttachment",
        "/Ref",
        "/OnInstantiate",
        "/Scripts",
    )
)
"""Names without which an object cannot hold anything of interest."""

_ACTION_KEYS = frozenset({"/A", "/OpenAction", "/Next", "/PA"})
_MEDIA_KEYS = frozenset({"/Rect", "/RichMediaContent", "/3DD"})


def look_at(
    entry: Dictionary, *, key: str, parent_key: str, number: int, root: bool, base: str = ""
) -> Iterator[RawFinding]:
    """Yield findings about a dictionary.

    Args:
        entry: The dictionary, or that of a stream.
        key: The key under which it stands in its object, or an empty string.
        parent_key: The key of what that stands in, or an empty string.
        number: The number of the object it stands in.
        root: Whether it is the document's catalogue.
        base: What the document's relative addresses are relative to.
    """
    expected = key in _ACTION_KEYS or parent_key == "/AA"
    yield from actions_in(entry, number, expected=expected, base=base)
    subtype = name_of(entry.get("/Subtype"))
    if subtype in _MEDIA_ANNOTATIONS and not _MEDIA_KEYS.isdisjoint(entry.keys()):
        yield RawFinding(kind=FindingKind.RICH_MEDIA, object=number, subject=subtype[1:])
    if "/AA" in entry and _has_action(entry.get("/AA")):
        yield RawFinding(
            kind=FindingKind.ADDITIONAL_ACTIONS, object=number, trigger=_aa_trigger(entry, root)
        )
    if "/XFA" in entry and isinstance(entry.get("/XFA"), (Array, Stream)):
        yield from _xfa(entry["/XFA"], number)
    yield from _external(entry, number)
    if root or name_of(entry.get("/Type")) == "/Catalog":
        yield from _catalogue(entry, number)


def base_address(root: object) -> str:
    """Return the base of relative addresses: ``/Base`` (ISO 32000-2, table 211)."""
    catalogue = dictionary_of(root)
    addresses = dictionary_of(catalogue.get("/URI")) if catalogue is not None else None
    return text_of(addresses.get("/Base")) if addresses is not None else ""


def actions_in(
    entry: Dictionary, number: int, *, expected: bool, base: str = ""
) -> Iterator[RawFinding]:
    """Yield findings about a dictionary that may be an action.

    Args:
        expected: Whether it stands where an action belongs; one elsewhere must be complete.
        base: What the document's relative addresses are relative to.
    """
    if (script := _media_script(entry)) is not None:
        yield RawFinding(kind=FindingKind.JAVASCRIPT, object=number, excerpt=text_of(script))
    kind, required_keys = _ACTIONS.get(name_of(entry.get("/S")), (None, frozenset()))
    if kind is None:
        return
    complete = not required_keys.isdisjoint(entry.keys())
    if complete or expected or name_of(entry.get("/Type")) == "/Action":
        target = _target(entry)
        yield RawFinding(
            kind=kind, object=number, excerpt=target, subject=_subject(kind, entry, target, base)
        )
        if kind is not FindingKind.JAVASCRIPT and "/JS" in entry:  # a rendition with a script
            script = text_of(entry.get("/JS"))
            yield RawFinding(kind=FindingKind.JAVASCRIPT, object=number, excerpt=script)


def _media_script(entry: Dictionary) -> object | None:
    """Return the script of 3D or rich media (ISO 32000-2, tables 311 and 335)."""
    script = entry.get("/OnInstantiate")
    if isinstance(script, Stream):
        return script
    activates = "/Condition" in entry or name_of(entry.get("/Type")) == "/RichMediaActivation"
    scripts = entry.get("/Scripts")
    return scripts if activates and isinstance(scripts, Array) and len(scripts) else None


def _catalogue(entry: Dictionary, number: int) -> Iterator[RawFinding]:
    opening = entry.get("/OpenAction")
    if isinstance(opening, (Dictionary, Array)):
        yield RawFinding(kind=FindingKind.OPEN_ACTION, object=number, trigger=Trigger.OPEN)
    if dictionary_of(entry.get("/AcroForm")) is not None:
        yield RawFinding(kind=FindingKind.FORMS_ACROFORM, object=number)


def _has_action(value: object) -> bool:
    triggers = dictionary_of(value)
    return triggers is not None and any(
        dictionary_of(action) is not None for _, action in triggers.items()
    )


def _aa_trigger(entry: Dictionary, root: bool) -> Trigger:  # noqa: FBT001 - private
    if root:
        events = dictionary_of(entry.get("/AA"))
        present = () if events is None else events.keys()
        return next(
            (trigger for key, trigger in DOCUMENT_EVENTS.items() if f"/{key}" in present),
            Trigger.CLOSE,
        )
    if name_of(entry.get("/Type")) in {"/Page", "/Template"}:
        return Trigger.PAGE
    is_field = "/FT" in entry or name_of(entry.get("/Subtype")) == "/Widget"
    return Trigger.FIELD if is_field else Trigger.CLICK


def _subject(kind: FindingKind, action: Dictionary, target: str, base: str) -> str:
    """Return the subject of the words for an action: what is special about its target."""
    if kind is FindingKind.EXTERNAL_REFERENCES_URI:
        return "unusual" if is_unusual_address(target, base) else ""
    if kind is FindingKind.GOTO_REMOTE:
        paths = (target, *(file_name_of(action.get(key)) for key in ("/F", "/UF")))
        return "network" if any(map(is_network_path, paths)) else ""
    return ""


def _target(action: Dictionary) -> str:
    """Return what an action acts on: its script, address or file."""
    for key in ("/JS", "/URI"):
        if key in action:
            return text_of(action.get(key))
    for key in ("/F", "/Win", "/Unix", "/Mac"):
        if key in action:
            name = file_name_of(action.get(key))
            application = dictionary_of(action.get(key))
            arguments = text_of(application.get("/P")) if application is not None else ""
            return f"{name} {arguments}".strip()
    return ""


def _xfa(form: object, number: int) -> Iterator[RawFinding]:
    """Report a form of XML, and whether it has scripts (ISO 32000-1, 12.7.8)."""
    scripts = scripts_of(form)
    yield RawFinding(
        kind=FindingKind.FORMS_XFA,
        object=number,
        subject="scripts" if scripts.found else "",
        trigger=Trigger.OPEN if scripts.by_itself else None,
        excerpt=scripts.excerpt,
    )
    if not scripts.readable and not scripts.by_itself:
        yield RawFinding(
            kind=FindingKind.UNREAD, object=number, message="The XFA form could not be read"
        )


def _external(entry: Dictionary, number: int) -> Iterator[RawFinding]:
    """Report content that a reader takes from another file while it shows a page.

    That is a stream with ``/F`` (ISO 32000-2, table 5), or ``/Ref`` of a form (8.10.4).
    """
    reference = dictionary_of(entry.get("/Ref"))
    outside = entry.get("/F") if "/Length" in entry else None
    for value in (reference.get("/F") if reference is not None else None, outside):
        if isinstance(value, (String, Dictionary)) and (path := file_name_of(value)):
            yield RawFinding(
                kind=FindingKind.GOTO_REMOTE,
                object=number,
                trigger=Trigger.PAGE,
                subject="network" if is_network_path(path) else "",
                message="The document takes content from another file",
                excerpt=path,
            )
