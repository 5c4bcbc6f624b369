"""What the walk notes down: plain values, so that they pass from the child to the parent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pdfsluice.core.findings import FindingKind, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """The attached document in which something was seen.

    Attributes:
        name: The file name of the attachment; those of attachments in attachments with ``/``.
        object: Number of the object of the outermost document that holds it.
        offset: Where that object stands, if known.
        opens: Whether the outer document opens it without being asked.
    """

    name: str
    object: int
    offset: int | None
    opens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One thing that was seen in one object.

    Attributes:
        kind: What it is.
        object: Number of the indirect object it stands in; ``None`` for the file as a whole.
        trigger: What makes it run, where that is known.
        hidden: Whether the object lies in an object stream, out of sight in the raw bytes.
        subject: What is special about it, for the wording (``a Windows program``, a file name).
        excerpt: A piece of it, as it stands in the file.
        within: The attachment that it is part of; ``None`` for the document itself.
    """

    kind: FindingKind
    object: int | None = None
    trigger: Trigger | None = None
    hidden: bool = False
    subject: str = ""
    excerpt: str = ""
    within: Within | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """Something that could not be looked into.

    Attributes:
        reason: Kebab-case name: ``password``, ``limit``, ``unknown-filter``, ``nested-document``.
        message: Why, in a sentence.
        object: Object number, where known.
    """

    reason: str
    message: str
    object: int | None = None


Doubt = tuple[int | None, int | None]
"""Object number and offset of what an earlier stage could not see."""


@dataclass(slots=True, kw_only=True)
class Survey:
    """All that one inspection brought to light.

    Attributes:
        complete: Whether the walk came to its end, so that earlier doubts are settled but
            for those in ``open_doubts``.
        open_doubts: Indexes of the doubts that remain.
        dropped: Whether objects were left out; opening the file in another way shows them.
    """

    sightings: list[Sighting] = field(default_factory=list)
    blind: list[Blind] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    open_doubts: list[int] = field(default_factory=list)
    dropped: bool = False

    def to_message(self) -> dict[str, Any]:
        """Return plain values for the pipe."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> "Survey":
        """Read back what :meth:`to_message` made."""
        return cls(
            sightings=[_sighting(item) for item in message["sightings"]],
            blind=[Blind(**item) for item in message["blind"]],
            facts=message["facts"],
            complete=message["complete"],
            open_doubts=message["open_doubts"],
            dropped=message["dropped"],
        )


def _sighting(item: Mapping[str, Any]) -> Sighting:
    trigger, within = item["trigger"], item["within"]
    return Sighting(
        **{
            **item,
            "kind": FindingKind(item["kind"]),
            "trigger": None if trigger is None else Trigger(trigger),
            "within": None if within is None else Within(**within),
        }
    )
