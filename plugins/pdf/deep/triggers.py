"""Finds the trigger of each action, from the catalogue on (ISO 32000-2, 12.6.3)."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from pikepdf import Array, Dictionary, Pdf

from pdfsluice.core import FindingKind, Trigger
from pdfsluice.plugins.pdf.actions import PAGE_ACTIVATIONS

from .budget import Budget
from .events import AnnotationEvents, large_annotations, of_document
from .kinds import actions_in
from .values import (
    dictionary_of,
    is_indirect,
    items_of,
    name_of,
    number_of,
)

Triggers = Mapping[tuple[FindingKind, int], frozenset[Trigger]]
_Entry = tuple[Trigger, object, int]
_TriggerOf = Callable[[str, object], Trigger]
_FOLLOWED = ("/Next", "/3DD")
"""Keys of what runs with an action, or is the artwork of a reference to it."""
_PAGE_TREES = ("/Pages", "/Templates")
"""Name trees of pages that a script can show (ISO 32000-2, table 32)."""


def find_triggers(pdf: Pdf, budget: Budget) -> Triggers:
    """Return the triggers of each kind of action in each object."""
    triggers_by_action: dict[tuple[FindingKind, int], set[Trigger]] = defaultdict(set)
    visited: set[tuple[int, Trigger]] = set()
    for entry in _entries(pdf, budget):
        pending = [entry]
        while pending:
            budget.spend()
            trigger, value, container = pending.pop()
            pending.extend((trigger, item, container) for item in items_of(value))
            action = dictionary_of(value)
            number = number_of(value, container)
            if action is None:
                continue
            if is_indirect(value):  # only references can loop
                if (number, trigger) in visited:
                    continue
                visited.add((number, trigger))
            for finding in actions_in(action, number, expected=True):
                triggers_by_action[finding.kind, number].add(trigger)
            pending.extend((trigger, action.get(key), number) for key in _FOLLOWED if key in action)
    return {key: frozenset(triggers) for key, triggers in triggers_by_action.items()}


def _entries(pdf: Pdf, budget: Budget) -> Iterator[_Entry]:
    """Yield each start of an action: trigger, action and containing object."""
    root = dictionary_of(pdf.trailer.get("/Root"))
    if root is None:
        return
    number = number_of(root, 0)
    opening = root.get("/OpenAction")
    if isinstance(opening, Dictionary):  # an array is a destination
        yield Trigger.OPEN, opening, number
    yield from _events(root, number, _of_document)
    names = dictionary_of(root.get("/Names"))
    if names is not None:
        at = number_of(names, number)
        for value, container in _named(names.get("/JavaScript"), at, budget):
            yield Trigger.NAMED, value, container
        for key in _PAGE_TREES:
            for value, container in _named(names.get(key), at, budget):
                if (page := dictionary_of(value)) is not None:
                    yield from _page(page, number_of(value, container), budget)
    yield from _pages(root, number, budget)
    yield from _fields(root, number, budget)
    yield from _outline(root, number, budget)


def _events(entry: Dictionary, number: int, trigger_of: _TriggerOf) -> Iterator[_Entry]:
    events = dictionary_of(entry.get("/AA"))
    if events is not None:
        container = number_of(events, number)
        for key, action in events.items():
            yield trigger_of(key, action), action, container


def _always(trigger: Trigger) -> _TriggerOf:
    return lambda _key, _action: trigger


def _of_document(key: str, _action: object) -> Trigger:
    return of_document(key)


def _named(tree: object, container: int, budget: Budget) -> Iterator[tuple[object, int]]:
    """Yield the values of a name tree (ISO 32000-2, 7.9.6), and where each stands."""
    for node, number in _tree(tree, "/Kids", container, budget):
        names = node.get("/Names")
        at = number_of(names, number)
        for index, value in enumerate(items_of(names)):
            if index % 2:
                yield value, at


def _pages(root: Dictionary, number: int, budget: Budget) -> Iterator[_Entry]:
    for page, at in _tree(root.get("/Pages"), "/Kids", number, budget):
        yield from _page(page, at, budget)


def _page(page: Dictionary, at: int, budget: Budget) -> Iterator[_Entry]:
    yield from _events(page, at, _always(Trigger.PAGE))
    annotations = page.get("/Annots")
    holder = number_of(annotations, at)
    entries: list[tuple[Dictionary, int]] = []
    for item in items_of(annotations):
        budget.spend()
        annotation = dictionary_of(item)
        if annotation is not None:
            entries.append((annotation, number_of(item, holder)))
    large = large_annotations(page, [annotation for annotation, _ in entries])
    for index, (annotation, container) in enumerate(entries):
        yield from _annotation(annotation, container, large=large.get(index, False))


def _annotation(annotation: Dictionary, number: int, *, large: bool) -> Iterator[_Entry]:
    for key in ("/A", "/PA"):
        if key in annotation:
            yield Trigger.CLICK, annotation.get(key), number
    yield from _media(annotation, number)
    widget = name_of(annotation.get("/Subtype")) == "/Widget" or "/FT" in annotation
    events = AnnotationEvents(large=large, usual=Trigger.FIELD if widget else Trigger.CLICK)
    yield from _events(annotation, number, events.trigger)


def _media(annotation: Dictionary, number: int) -> Iterator[_Entry]:
    """Yield what runs in 3D and rich media (ISO 32000-2, tables 309 and 334)."""
    if "/3DD" in annotation:
        unasked = name_of(_within(annotation, "/3DA").get("/A"))[1:] in PAGE_ACTIVATIONS
        yield Trigger.PAGE if unasked else Trigger.CLICK, annotation.get("/3DD"), number
    settings = _within(annotation, "/RichMediaSettings")
    if "/Activation" in settings:
        at = number_of(annotation.get("/RichMediaSettings"), number)
        unasked = name_of(_within(settings, "/Activation").get("/Condition"))[1:] in (
            PAGE_ACTIVATIONS
        )
        yield Trigger.PAGE if unasked else Trigger.CLICK, settings.get("/Activation"), at


def _within(parent: Dictionary, key: str) -> Dictionary:
    return dictionary_of(parent.get(key)) or Dictionary()


def _fields(root: Dictionary, number: int, budget: Budget) -> Iterator[_Entry]:
    form = dictionary_of(root.get("/AcroForm"))
    if form is None:
        return
    at = number_of(form, number)
    for item in items_of(form.get("/Fields")):
        for field, holder in _tree(item, "/Kids", at, budget):
            if "/A" in field:
                yield Trigger.CLICK, field.get("/A"), holder
            yield from _events(
                field, holder, AnnotationEvents(large=False, usual=Trigger.FIELD).trigger
            )


def _outline(root: Dictionary, number: int, budget: Budget) -> Iterator[_Entry]:
    outlines = dictionary_of(root.get("/Outlines"))
    if outlines is None:
        return
    for item, at in _tree(outlines, "/First", number_of(outlines, number), budget):
        if "/A" in item:
            yield Trigger.CLICK, item.get("/A"), at


def _tree(
    top: object, below: str, container: int, budget: Budget
) -> Iterator[tuple[Dictionary, int]]:
    """Yield every node once, with the object it stands in; loops and depth do no harm.

    Args:
        below: The key to the children: an array of them, or the first of a chain by ``/Next``.
    """
    visited: set[int] = set()
    pending: list[tuple[object, int]] = [(top, container)]
    while pending:
        budget.spend()
        value, holder = pending.pop()
        node = dictionary_of(value)
        if node is None:
            continue
        number = number_of(value, holder)
        if is_indirect(value):  # only references can loop
            if number in visited:
                continue
            visited.add(number)
        yield node, number
        children = node.get(below)
        if isinstance(children, Array):
            at = number_of(children, number)
            pending.extend((child, at) for child in reversed(list(children)))
        elif isinstance(children, Dictionary):
            pending.append((children, number))
        if below == "/First" and "/Next" in node:
            pending.append((node.get("/Next"), number))
