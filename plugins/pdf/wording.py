"""How raw findings are put into words: a sentence, advice, and how grave it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from pdfsluice.core import BY_ITSELF, Finding, FindingKind, Revision, Severity, Trigger, printable

from .explanations import EXPLANATIONS
from .vocabulary import RawFinding, Within

_MAX_EXCERPT: Final = 160
_MAX_NAME: Final = 80


_MESSAGES: Final[Mapping[FindingKind, str]] = {
    FindingKind.JAVASCRIPT: "The document contains a script (JavaScript)",
    FindingKind.OPEN_ACTION: "Something happens when the document is opened",
    FindingKind.ADDITIONAL_ACTIONS: "The document reacts to events, such as a page being shown",
    FindingKind.LAUNCH: "The document can start a program or open another file",
    FindingKind.EMBEDDED_FILES: "The document has a file attached",
    FindingKind.FORMS_ACROFORM: "The document has a form",
    FindingKind.FORMS_XFA: "The document has an XFA form",
    FindingKind.EXTERNAL_REFERENCES_URI: "The document links to an address",
    FindingKind.SUBMIT_FORM: "The document can send what is filled in to an address",
    FindingKind.GOTO_REMOTE: "The document leads into another document",
    FindingKind.IMPORT_DATA: "The document can read data from another file",
    FindingKind.RICH_MEDIA: "The document contains film, sound, 3D or Flash",
    FindingKind.ENCRYPTED: "The document is encrypted",
    FindingKind.MALFORMED: "The document is damaged and was read only after repair",
    FindingKind.RESOURCE_LIMIT: "The document takes too much time or memory to inspect",
    FindingKind.UNREAD: "A part of the document could not be read",
}


@dataclass(frozen=True, slots=True)
class _Special:
    """The words for a raw finding of a kind that has this subject."""

    severity: Severity
    message: str
    advice: str = ""


_CHECK_UNKNOWN: Final = "Ask for a copy saved again by a trusted program; do not open this one."
_SPECIAL: Final[Mapping[tuple[FindingKind, str], _Special]] = {
    (FindingKind.ENCRYPTED, "opened"): _Special(
        Severity.INFO,
        "The document is encrypted, and opens without a password",
        "Nothing needs to be done; its content was checked.",
    ),
    (FindingKind.ENCRYPTED, "attachments"): _Special(
        Severity.LOW,
        "The attachments are encrypted and could not be checked; the document itself is not",
        "Ask for the attachments without a password, or treat them as unchecked.",
    ),
    (FindingKind.ENCRYPTED, "password"): _Special(
        Severity.MEDIUM,
        "The document opens only with a password, and could not be checked",
        "Ask for a copy without a password, or treat it as unchecked.",
    ),
    (FindingKind.ENCRYPTED, "unknown"): _Special(
        Severity.MEDIUM,
        "The document is encrypted in an unknown way, and could not be checked",
        "Ask for a copy without encryption, or treat it as unchecked.",
    ),
    (FindingKind.MALFORMED, "unopenable"): _Special(
        Severity.HIGH,
        "The document is damaged beyond repair",
        "Send it again from the original file.",
    ),
    (FindingKind.MALFORMED, "crashed"): _Special(
        Severity.HIGH, "The document made the inspecting program crash", _CHECK_UNKNOWN
    ),
    (FindingKind.MALFORMED, "hidden"): _Special(
        Severity.HIGH,
        "The document hides an object inside of something else, where it could not be checked",
        _CHECK_UNKNOWN,
    ),
    (FindingKind.FORMS_XFA, "scripts"): _Special(
        Severity.MEDIUM, "The document has an XFA form with scripts of its own"
    ),
}
_SPECIAL_BY_ITSELF: Final[Mapping[tuple[FindingKind, str], _Special]] = {
    (FindingKind.FORMS_XFA, "scripts"): _Special(
        Severity.HIGH, "The document has an XFA form with scripts of its own"
    ),
    (FindingKind.EXTERNAL_REFERENCES_URI, "unusual"): _Special(
        Severity.HIGH,
        "The document opens an address that is neither of the web nor of mail",
        "Do not open the document; the address may start a program or read a file.",
    ),
    (FindingKind.GOTO_REMOTE, "network"): _Special(
        Severity.HIGH,
        "The document opens a file on another computer, which can reveal the reader's login",
        "Do not open the document unless you know that computer.",
    ),
}
_WHEN: Final[Mapping[Trigger, str]] = {
    Trigger.OPEN: "when the document is opened",
    Trigger.CLOSE: "when the document is closed",
    Trigger.SAVE: "when the document is saved",
    Trigger.PRINT: "when the document is printed",
    Trigger.PAGE: "when a page is shown or left",
    Trigger.NAMED: "when the document is opened",
    Trigger.FIELD: "when a form field is used",
    Trigger.CLICK: "on a click",
}
_DESTINATIONS: Final = {FindingKind.EXTERNAL_REFERENCES_URI, FindingKind.GOTO_REMOTE}
"""Kinds that lead somewhere, which opens; others run."""
_SEVERITY_BY_ITSELF: Final[Mapping[FindingKind, Severity]] = {
    FindingKind.JAVASCRIPT: Severity.HIGH,
    FindingKind.LAUNCH: Severity.CRITICAL,
    FindingKind.SUBMIT_FORM: Severity.HIGH,
    FindingKind.IMPORT_DATA: Severity.HIGH,
}


def to_finding(raw: RawFinding, stage: str, *, revision: Revision = Revision.CURRENT) -> Finding:
    """Put a raw finding into words.

    Args:
        raw: What was seen.
        stage: The name of the stage that saw it.
        revision: Whether it is part of the file as it is shown.
    """
    trigger = _trigger(raw)
    special = _SPECIAL.get((raw.kind, raw.subject))
    if trigger in BY_ITSELF:
        special = _SPECIAL_BY_ITSELF.get((raw.kind, raw.subject), special)
    advice = special.advice if special is not None else ""
    finding = Finding(
        kind=raw.kind,
        severity=_severity(raw, special, trigger),
        stage=stage,
        message=_message(raw, special),
        advice=advice or EXPLANATIONS[raw.kind].advice,
        offset=raw.offset,
        object=raw.object,
        trigger=trigger,
        hidden=raw.hidden,
        revision=revision,
        excerpt=printable(raw.excerpt, _MAX_EXCERPT),
        details=raw.details,
    )
    return finding if raw.within is None else _in_attachment(finding, raw.within)


def _in_attachment(finding: Finding, within: Within) -> Finding:
    """Return a finding about an attached PDF.

    It has the position of the attachment and not its number, which another finding may be about.
    """
    name = printable(within.name, _MAX_NAME)
    attachment = f"the attachment {name!r}" if name else "an attachment"
    return replace(
        finding,
        message=f"In {attachment}: {finding.message}",
        object=None,
        offset=within.offset or 0,
        hidden=True,
        details={"attachment": name, "attachment_object": within.object},
    )


def _trigger(raw: RawFinding) -> Trigger | None:
    """Return the trigger in words; an attached PDF does nothing before it is opened."""
    within = raw.within
    if within is not None and not within.opens and raw.trigger in BY_ITSELF:
        return Trigger.CLICK
    return raw.trigger


def _severity(raw: RawFinding, special: _Special | None, trigger: Trigger | None) -> Severity:
    usual = EXPLANATIONS[raw.kind].severity
    if raw.severity is not None:
        return raw.severity
    if special is not None:
        return special.severity
    return _SEVERITY_BY_ITSELF.get(raw.kind, usual) if trigger in BY_ITSELF else usual


def _message(raw: RawFinding, special: _Special | None) -> str:
    if raw.kind is FindingKind.EXECUTABLE and not raw.message:
        name = printable(raw.excerpt, _MAX_NAME)
        subject = f"The attachment {name!r}" if name else "An attachment"
        return f"{subject} is {raw.subject}."
    if raw.kind is FindingKind.EMBEDDED_FILES and raw.excerpt:
        return f"The document has the file {printable(raw.excerpt, _MAX_NAME)!r} attached."
    words = raw.message or (special.message if special is not None else _MESSAGES[raw.kind])
    if raw.trigger is None or raw.kind is FindingKind.OPEN_ACTION:
        return f"{words}."
    verb = "opens" if raw.kind in _DESTINATIONS else "runs"
    return f"{words}; it {verb} {_WHEN[raw.trigger]}."
