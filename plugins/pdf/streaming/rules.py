"""Which dictionaries are active, and what runs them (ISO 32000-2, 12.6)."""

from collections.abc import Iterable, Iterator

from pdfsluice.core import FindingKind, Trigger
from pdfsluice.plugins.pdf.actions import (
    ACTIONS,
    DOCUMENT_EVENTS,
    MEDIA_ANNOTATIONS,
    PAGE_ACTIVATIONS,
    PAGE_EVENTS,
)
from pdfsluice.plugins.pdf.syntax.values import (
    Dictionary,
    Name,
    Reference,
    Text,
    Value,
    is_empty,
)
from pdfsluice.plugins.pdf.targets import is_network_path, is_unusual_address

from .codes import excerpt_of, text_of

_KINDS: dict[bytes, FindingKind] = {name.encode(): a.kind for name, a in ACTIONS.items()}
_OPERANDS = {name.encode(): tuple(k.encode() for k in a.operands) for name, a in ACTIONS.items()}
_MEDIA_ANNOTATIONS = frozenset(name.encode() for name in MEDIA_ANNOTATIONS)
_UNASKED = frozenset(name.encode() for name in PAGE_ACTIVATIONS)
_DOCUMENT_EVENTS = {key.encode(): trigger for key, trigger in DOCUMENT_EVENTS.items()}

EVENTS: dict[bytes, Trigger] = {
    **_DOCUMENT_EVENTS,
    **{key.encode(): Trigger.PAGE for key in PAGE_EVENTS},
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
    """Return the triggers of an object's additional actions (tables 197 to 200).

    Of several actions of a document the strongest trigger counts; a page's are known by the
    object that has them. If only a reference is known, it is the strongest that there may be.
    """
    types = owner.names(b"Type")
    if b"Page" in types or b"Template" in types:
        return Trigger.PAGE
    if b"Catalog" in types or b"Pages" in owner:
        present = actions if isinstance(actions, Dictionary) else Dictionary([])
        return next(
            (trigger for key, trigger in _DOCUMENT_EVENTS.items() if key in present), Trigger.CLOSE
        )
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


INHERITING = frozenset((b"Kids", b"Names", b"Next"))
"""Keys of what is run by the same as the dictionary that has them."""
_GIVEN: dict[bytes, Trigger] = {
    b"OpenAction": Trigger.OPEN,
    b"JavaScript": Trigger.NAMED,
    b"A": Trigger.CLICK,
    b"PA": Trigger.CLICK,
}


def trigger_of_entry(
    entry: Dictionary, key: bytes, value: Value, trigger: Trigger | None
) -> Trigger | None:
    """Return what runs a value of a dictionary.

    Args:
        entry: The dictionary.
        key: The key of the value.
        value: The value.
        trigger: What runs the dictionary.
    """
    action = b"S" in entry
    if key == b"3DD":  # the artwork of an annotation, or what such a reference leads to
        return media_trigger(entry, b"3DA", b"A") if b"Subtype" in entry else trigger
    if key in _GIVEN:
        return _GIVEN[key]
    if key == b"AA":
        return additional_trigger(entry, value)
    if key in EVENTS and trigger is not None and not action:
        return EVENTS[key]
    return trigger if key in INHERITING or not action else None


def action_kinds(entry: Dictionary) -> set[FindingKind]:
    """Return which actions a dictionary is.

    ``/S`` of a structure element (14.7.2) names a type of structure, which may be called like
    an action; but what has something to act on is an action, whatever else stands there.
    """
    names = entry.names(b"S") & _KINDS.keys()
    if b"StructElem" in entry.names(b"Type") or (b"P" in entry and b"K" in entry):
        names = {name for name in names if any(key in entry for key in _OPERANDS[name])}
    return {_KINDS[name] for name in names}


def media_trigger(entry: Dictionary, key: bytes, condition: bytes) -> Trigger:
    """Return what activates 3D or rich media (ISO 32000-2, tables 310 and 335)."""
    activations = [each for each in entry.every(key) if isinstance(each, Dictionary)]
    unasked = any(_UNASKED & each.names(condition) for each in activations)
    return Trigger.PAGE if unasked else Trigger.CLICK


def media_script(entry: Dictionary) -> tuple[Value, Trigger | None] | None:
    """Return the script of 3D or rich media, if there is one, and what runs it.

    That is ``/OnInstantiate`` (ISO 32000-2, table 311) or ``/Scripts`` (table 335).
    """
    if (script := entry.get(b"OnInstantiate")) is not None:
        return script, None
    activates = b"Condition" in entry or b"RichMediaActivation" in entry.names(b"Type")
    if activates and not is_empty(entry.get(b"Scripts")):
        return entry.get(b"Scripts"), media_trigger(Dictionary([(b"", entry)]), b"", b"Condition")
    return None


def is_media(entry: Dictionary) -> bool:
    """Return whether a dictionary is an annotation that plays something."""
    return not _MEDIA_ANNOTATIONS.isdisjoint(entry.names(b"Subtype"))


def kind_of_name(name: bytes) -> FindingKind | None:
    """Return the kind that a name stands for as a type of action or of annotation."""
    return _KINDS.get(name, FindingKind.RICH_MEDIA if name in _MEDIA_ANNOTATIONS else None)


def action_excerpt(kind: FindingKind | None, entry: Dictionary) -> str:
    """Return a short piece of what an action does, or the name of an attached file."""
    for key in _EXCERPTS.get(kind, _FILE):
        for value in entry.every(key):
            excerpt = _show(value)
            if excerpt:
                return excerpt
    return ""


def action_subject(kind: FindingKind, entry: Dictionary) -> str:
    """Return the subject of the words for an action: what is special about its target."""
    if kind is FindingKind.EXTERNAL_REFERENCES_URI:
        return "unusual" if any(map(is_unusual_address, _texts(entry.every(b"URI")))) else ""
    if kind is FindingKind.GOTO_REMOTE:
        return "network" if any(map(is_network_path, _texts(entry.every(b"F")))) else ""
    return ""


def _texts(values: Iterable[Value]) -> Iterator[str]:
    """Yield strings, and those of file specifications, as text."""
    for value in values:
        if isinstance(value, Text):
            yield text_of(value.head)
        elif isinstance(value, Dictionary):
            yield from _texts(v for k, v in value.entries if k in (b"UF", b"F", b"Unix", b"DOS"))


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


def references_in(value: Value) -> Iterator[Reference]:
    """Yield a reference, or those directly in an array."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, Reference))
