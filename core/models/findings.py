"""What a stage saw in a file, and what it could not see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Final


class FindingKind(StrEnum):
    """The kinds that the built-in stages report; a plugin may report kinds of its own."""

    JAVASCRIPT = "javascript"
    OPEN_ACTION = "open_action"
    ADDITIONAL_ACTIONS = "additional_actions"
    LAUNCH = "launch"
    EMBEDDED_FILES = "embedded_files"
    EXECUTABLE = "executable"
    FORMS_ACROFORM = "forms_acroform"
    FORMS_XFA = "forms_xfa"
    EXTERNAL_REFERENCES_URI = "external_references_uri"
    SUBMIT_FORM = "submit_form"
    GOTO_REMOTE = "goto_remote"
    IMPORT_DATA = "import_data"
    RICH_MEDIA = "rich_media"
    ENCRYPTED = "encrypted"
    POLYGLOT = "polyglot"
    MALFORMED = "malformed"
    MALWARE = "malware"
    RESOURCE_LIMIT = "resource_limit"
    UNREAD = "unread"
    CLIENT_ENCRYPTED = "client_encrypted"
    HIDDEN_TEXT = "hidden_text"


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


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a kind of finding is about, in words that a user understands.

    Attributes:
        title: A few words.
        meaning: What it is and what it can do.
        advice: What to do about it, in a sentence.
        severity: How much harm it usually does.
    """

    title: str
    meaning: str
    advice: str
    severity: Severity


class Trigger(StrEnum):
    """What makes an action run (ISO 32000-2, 12.6.3)."""

    OPEN = "open"
    """The document is opened: ``/OpenAction``."""
    CLOSE = "close"
    """The document is closed: ``/WC`` of its ``/AA`` (ISO 32000-2, table 200)."""
    SAVE = "save"
    """The document is saved: ``/WS`` and ``/DS``."""
    PRINT = "print"
    """The document is printed: ``/WP`` and ``/DP``."""
    PAGE = "page"
    """A page is shown or left: a page's ``/AA``."""
    NAMED = "named"
    """A document-level script in the ``/JavaScript`` name tree; it runs on opening."""
    FIELD = "field"
    """A form field is entered, changed or calculated."""
    CLICK = "click"
    """The reader clicks an annotation or a bookmark."""


BY_ITSELF: Final = frozenset(
    {Trigger.OPEN, Trigger.NAMED, Trigger.PAGE, Trigger.CLOSE, Trigger.SAVE, Trigger.PRINT}
)
"""Triggers that need no more than opening, reading, saving or printing the document."""


class Revision(StrEnum):
    """Whether a finding is part of the file as it is shown, or only of its history."""

    CURRENT = "current"
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a stage saw in a file. Of more than 1,000, the gravest are kept.

    Attributes:
        kind: A :class:`FindingKind`, or a plugin's own kebab- or snake-case name.
        severity: How much harm it can do.
        stage: The name of the stage that saw it.
        message: What was found, in a sentence that a user understands.
        advice: What to do about it, in a sentence.
        offset: Byte offset in the file, or ``None`` if it has no single place.
        object: Object number (ISO 32000-2, 7.3.10), or ``None`` if unknown.
        trigger: What makes it run, if it is an action.
        hidden: Whether it cannot be read in the raw bytes (escaped name, object stream).
        revision: ``EARLIER`` if a later incremental update replaces it.
        excerpt: A short, printable piece of what was found.
        details: Values for programs, JSON-serializable.
    """

    kind: str
    severity: Severity
    stage: str
    message: str
    advice: str = ""
    offset: int | None = None
    object: int | None = None
    trigger: Trigger | None = None
    hidden: bool = False
    revision: Revision = Revision.CURRENT
    excerpt: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscanned:
    """A part of the file that a stage could not read; it never counts as clean.

    Attributes:
        stage: The name of the stage that could not see it.
        reason: Why, as a kebab-case name (``encrypted``, ``unknown-filter``, ``limit``).
        message: Why, in a sentence.
        offset: Byte offset in the file, if known.
        object: Object number, if known.
    """

    stage: str
    reason: str
    message: str
    offset: int | None = None
    object: int | None = None


ENCRYPTED_BY_CLIENT: Final = "encrypted-by-client"
"""The reason for which a file that its client encrypted is not scanned."""


def is_opaque(unscanned: Sequence[Unscanned]) -> bool:
    """Return whether only the recipients that a client chose can read the file."""
    return any(each.reason == ENCRYPTED_BY_CLIENT for each in unscanned)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """What a stage reports about the whole file.

    Attributes:
        findings: What was found and not yet returned from ``feed``.
        unscanned: What the stage could not see. A completion stage that settles what an
            earlier stage left open names that stage in ``settles``.
        facts: Values for the catalogue and for later stages: ``sha256``, ``pdf_version``,
            ``page_count``, ``metadata``.
        settles: Names of stages whose ``unscanned`` entries this report makes void, and whose
            findings of the kind ``unread``.
        supersedes: Names of stages (often its own) whose findings so far this report's
            ``findings`` replace.
    """

    findings: tuple[Finding, ...] = ()
    unscanned: tuple[Unscanned, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    settles: frozenset[str] = frozenset()
    supersedes: frozenset[str] = frozenset()


MAX_FINDINGS: Final = 1000
"""More findings than this are not kept; no reader needs them and a file may have millions."""


def gravest(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the findings to keep: all, or the gravest, in their order.

    One of each sort is among them, whatever there is besides: a policy may care for just it.
    """
    if len(findings) <= MAX_FINDINGS:
        return findings
    sorts: dict[object, int] = {}
    for index, finding in enumerate(findings):
        sort = (finding.stage, finding.kind, finding.severity, finding.trigger, finding.hidden)
        sorts.setdefault((*sort, finding.revision), index)
    first = set(sorts.values())
    others = (index for index in range(len(findings)) if index not in first)
    grave = sorted(others, key=lambda index: -findings[index].severity.rank)
    return [findings[index] for index in sorted([*sorts.values(), *grave][:MAX_FINDINGS])]


def with_findings(earlier: Sequence[Finding], added: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return all findings; added ones replace those of the same kind and stage."""
    replaced = {(each.kind, each.stage) for each in added}
    rest = [each for each in earlier if (each.kind, each.stage) not in replaced]
    return tuple(gravest([*rest, *added]))


class Decision(IntEnum):
    """What a policy makes of a finding; the greatest of all decides about the file."""

    NOTE = 0
    """Kept with the document; nothing else happens."""
    FLAG = 1
    """Accepted and marked for people to look at."""
    QUARANTINE = 2
    """Refused; the bytes are kept apart for an administrator."""
    REJECT = 3
    """Refused; the bytes are deleted, or quarantined if the settings require it."""

    @property
    def refuses(self) -> bool:
        """Whether the upload ends here."""
        return self >= Decision.QUARANTINE
