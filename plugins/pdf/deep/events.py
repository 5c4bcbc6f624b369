"""Triggers of the additional actions of pages and fields (ISO 32000-2, 12.6.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pikepdf import Array, Dictionary

from pdfsluice.core import Trigger
from pdfsluice.plugins.pdf.actions import DOCUMENT_EVENTS, PAGE_EVENTS, POINTER_EVENTS
from pdfsluice.plugins.pdf.field_scripts import is_standard_call

from .values import dictionary_of, name_of, number_or, script_of

LARGE_SHARE: Final = 0.25
"""Part of a page that an annotation must cover to be hit without being aimed at."""
_MAX_LEVELS: Final = 64
_DEFAULT_BOX: Final = (0.0, 0.0, 612.0, 792.0)
_FORMAT: Final = "/F"

Box = tuple[float, float, float, float]


def of_document(key: str) -> Trigger:
    """Return the trigger for an event of the document."""
    return DOCUMENT_EVENTS.get(key[1:], Trigger.CLOSE)


@dataclass(frozen=True, slots=True)
class AnnotationEvents:
    """The triggers for the events of one annotation or field.

    Attributes:
        large: Whether it covers so much of its page that the pointer gets into it unaimed.
        usual: What an event needs that has no meaning of its own.
    """

    large: bool
    usual: Trigger

    def trigger(self, key: str, action: object) -> Trigger:
        """Return what makes an action run.

        Readers run the format script of a field when the document is opened; that of an honest
        form is one call of a standard function.
        """
        event = key[1:]
        if event in PAGE_EVENTS:
            return Trigger.PAGE
        if event in POINTER_EVENTS and self.large:
            return Trigger.PAGE
        if key == _FORMAT and self.usual is Trigger.FIELD and not _is_standard(action):
            return Trigger.OPEN
        return self.usual


def _is_standard(action: object) -> bool:
    entry = dictionary_of(action)
    if entry is None:
        return True
    if name_of(entry.get("/S")) != "/JavaScript" or "/Next" in entry:
        return False
    script = script_of(entry.get("/JS"))
    return script is not None and is_standard_call(script)


def box_of_page(page: Dictionary) -> Box:
    """Return the box of a page, which it may inherit (ISO 32000-2, 7.7.3.4)."""
    for key in ("/CropBox", "/MediaBox"):
        node: Dictionary | None = page
        for _ in range(_MAX_LEVELS):
            if node is None:
                break
            box = box_of(node.get(key))
            if box is not None and box[2] > box[0] and box[3] > box[1]:
                return box
            node = dictionary_of(node.get("/Parent"))
    return _DEFAULT_BOX


def box_of(value: object) -> Box | None:
    """Return a rectangle (ISO 32000-2, 7.9.5) with its corners in order."""
    if not isinstance(value, Array) or len(value) < 4:  # noqa: PLR2004 - two corners
        return None
    numbers = [number_or(value[index], None) for index in range(4)]
    if None in numbers:
        return None
    left, bottom, right, top = (float(number or 0.0) for number in numbers)
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def large_annotations(page: Dictionary, annotations: Sequence[Dictionary]) -> Mapping[int, bool]:
    """Return the indexes of annotations that the pointer enters unintentionally.

    Several that react to the pointer count together.
    """
    box = box_of_page(page)
    shares = [
        _share(box, box_of(each.get("/Rect"))) if _reacts(each) else 0.0 for each in annotations
    ]
    together = sum(shares) >= 2 * LARGE_SHARE
    return {index: share >= LARGE_SHARE or together for index, share in enumerate(shares) if share}


def _reacts(annotation: Dictionary) -> bool:
    events = dictionary_of(annotation.get("/AA"))
    return events is not None and any(key[1:] in POINTER_EVENTS for key in events.keys())  # noqa: SIM118


def _share(page: Box, area: Box | None) -> float:
    if area is None:
        return 0.0
    width = min(page[2], area[2]) - max(page[0], area[0])
    height = min(page[3], area[3]) - max(page[1], area[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / ((page[2] - page[0]) * (page[3] - page[1]))
