"""The findings of both passes, before their wording."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pdfsluice.core import FindingKind, Severity, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """The attached document that contains a raw finding.

    Attributes:
        name: The file name of the attachment; nested attachments are separated by ``/``.
        object: Number of the object of the outermost document that holds it.
        offset: Offset of that object, if known.
        opens: Whether the outer document opens it without being asked.
    """

    name: str
    object: int | None
    offset: int | None
    opens: bool = False


@dataclass(slots=True, kw_only=True)
class RawFinding:
    """A finding that later bytes may still change.

    Attributes:
        kind: What it is.
        object: Number of the indirect object that contains it; ``None`` outside of objects.
        offset: Offset of that object, or of the object stream that contains it.
        container: Number of the object stream that contains the object, if one does.
        trigger: What makes it run, as far as known.
        hidden: Whether it cannot be read in the raw bytes (escaped name, object stream).
        message: What was found, without its full stop; empty for the usual words of the kind.
        subject: What is special about it, for the wording (``a Windows program``, ``opened``).
        excerpt: A piece of it, as it stands in the file.
        details: Values for programs.
        severity: Overrides the severity of the kind.
        within: The attachment that contains it; ``None`` for the document itself.
        reported: Whether it is among what is reported.
    """

    kind: FindingKind
    object: int | None = None
    offset: int | None = None
    container: int | None = None
    trigger: Trigger | None = None
    hidden: bool = False
    message: str = ""
    subject: str = ""
    excerpt: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    within: Within | None = None
    reported: bool = False


DAMAGED_ACTION: Final = "damaged-action"
"""Reason of a finding about a broken object that something leads to which runs by itself."""
READ_DIFFERENTLY: Final = frozenset({"bad-token", "bad-dictionary", "unbalanced", "many-values"})
"""Codes of broken syntax about which readers differ: each finds something else in the object."""

OpenQuestion = tuple[int | None, int | None]
"""Object number and offset of something that an earlier stage could not see."""
