"""Findings as the server reports them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much harm a finding can do, from a note to a certain attack."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """How grave it is: 0 for a note to 4 for a certain attack."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the server saw in a file.

    Attributes:
        kind: A kind of the server, or one of a plugin.
        severity: How much harm it can do.
        stage: The name of the stage that saw it.
        message: What was found, in a sentence.
        advice: What to do about it, in a sentence.
        offset: Byte offset in the file, or ``None`` if it has no single place.
        object: PDF object number, or ``None`` if unknown.
        trigger: What makes it run, if it is an action: ``open``, ``click``, ...
        hidden: Whether it cannot be read in the raw bytes.
        revision: ``current``, or ``earlier`` if a later update of the PDF replaces it.
        excerpt: A short, printable piece of what was found.
        details: Values for programs.
    """

    kind: str
    severity: Severity
    stage: str
    message: str
    advice: str = ""
    offset: int | None = None
    object: int | None = None
    trigger: str | None = None
    hidden: bool = False
    revision: str = "current"
    excerpt: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscanned:
    """A part of a file that a stage could not read; it never counts as clean.

    Attributes:
        stage: The name of the stage.
        reason: Why, as a kebab-case name: ``encrypted``, ``limit``, ...
        message: Why, in a sentence.
        offset: Byte offset in the file, if known.
        object: PDF object number, if known.
    """

    stage: str
    reason: str
    message: str
    offset: int | None = None
    object: int | None = None
