"""How sightings are told to people: a sentence, advice, and how grave it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pdfsluice.core.explain import EXPLANATIONS
from pdfsluice.core.findings import (
    BY_ITSELF,
    Finding,
    FindingKind,
    Severity,
    Trigger,
)
from pdfsluice.core.text import printable

from .sightings import Sighting, Within

_EXCERPT = 160
_NAME = 80


_MESSAGES: Mapping[FindingKind, str] = {
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
    FindingKind.MALFORMED: "The document is damaged and was read only after repair",
    FindingKind.RESOURCE_LIMIT: "The document takes too much time or memory to inspect",
}


@dataclass(frozen=True, slots=True)
class _Special:
    """What is told where a sighting of a kind has this subject."""

    severity: Severity
    message: str
    advice: str = ""


_SPECIAL: Mapping[tuple[FindingKind, str], _Special] = {
    (FindingKind.ENCRYPTED, "opened"): _Special(
        Severity.LOW,
        "The document is encrypted, and opens without a password",
        "Nothing needs to be done; its content was checked.",
    ),
    (FindingKind.ENCRYPTED, "password"): _Special(
        Severity.MEDIUM,
        "The document opens only with a password, and could not be checked",
        "Ask for a copy without a password, or take it for unchecked.",
    ),
    (FindingKind.ENCRYPTED, "unknown"): _Special(
        Severity.MEDIUM,
        "The document is encrypted in an unknown way, and could not be checked",
        "Ask for a copy without encryption, or take it for unchecked.",
    ),
    (FindingKind.MALFORMED, "unopenable"): _Special(
        Severity.HIGH,
        "The document is damaged beyond repair",
        "Send it anew from the original file.",
    ),
    (FindingKind.MALFORMED, "crashed"): _Special(
        Severity.HIGH,
        "The document made the inspecting program crash",
        "It may be made to harm; ask for a copy saved anew.",
    ),
    (FindingKind.MALFORMED, "hidden"): _Special(
        Severity.HIGH,
        "The document hides an object inside of something else, where it could not be checked",
        "It may be made to harm; ask for a copy saved anew.",
    ),
    (FindingKind.FORMS_XFA, "scripts"): _Special(
        Severity.MEDIUM, "The document has an XFA form with scripts of its own"
    ),
}
_WHEN: Mapping[Trigger, str] = {
    Trigger.OPEN: "it runs when the document is opened",
    Trigger.CLOSE: "it runs when the document is closed",
    Trigger.SAVE: "it runs when the document is saved",
    Trigger.PRINT: "it runs when the document is printed",
    Trigger.PAGE: "it runs when a page is shown",
    Trigger.NAMED: "it runs when the document is opened",
    Trigger.FIELD: "it runs when a form field is used",
    Trigger.CLICK: "it runs on a click",
}
_SEVERITY_BY_ITSELF: Mapping[FindingKind, Severity] = {
    FindingKind.JAVASCRIPT: Severity.HIGH,
    FindingKind.LAUNCH: Severity.CRITICAL,
    FindingKind.SUBMIT_FORM: Severity.HIGH,
    FindingKind.IMPORT_DATA: Severity.HIGH,
}


def to_finding(sighting: Sighting, stage: str) -> Finding:
    """Turn a sighting into a finding."""
    special = _SPECIAL.get((sighting.kind, sighting.subject))
    advice = special.advice if special is not None else ""
    trigger = _trigger(sighting)
    finding = Finding(
        kind=sighting.kind,
        severity=special.severity if special is not None else _severity(sighting, trigger),
        stage=stage,
        message=_message(sighting, special),
        advice=advice or EXPLANATIONS[sighting.kind].advice,
        object=sighting.object,
        trigger=trigger,
        hidden=sighting.hidden,
        excerpt=printable(sighting.excerpt, _EXCERPT),
    )
    return finding if sighting.within is None else _in_attachment(finding, sighting.within)


def _in_attachment(finding: Finding, within: Within) -> Finding:
    """Say that a finding is about an attached PDF.

    It has the place of the attachment and not its number, which another finding may be about.
    """
    name = printable(within.name, _NAME)
    shown = f"the attachment {name!r}" if name else "an attachment"
    return replace(
        finding,
        message=f"In {shown}: {finding.message}",
        object=None,
        offset=within.offset or 0,
        hidden=True,
        details={"attachment": name, "attachment_object": within.object},
    )


def _trigger(sighting: Sighting) -> Trigger | None:
    """Say what makes something run: an attached PDF does nothing before somebody opens it."""
    within = sighting.within
    if within is not None and not within.opens and sighting.trigger in BY_ITSELF:
        return Trigger.CLICK
    return sighting.trigger


def _severity(sighting: Sighting, trigger: Trigger | None) -> Severity:
    if trigger in BY_ITSELF:
        return _SEVERITY_BY_ITSELF.get(sighting.kind, EXPLANATIONS[sighting.kind].severity)
    return EXPLANATIONS[sighting.kind].severity


def _message(sighting: Sighting, special: _Special | None) -> str:
    if sighting.kind is FindingKind.EXECUTABLE:
        name = printable(sighting.excerpt, _NAME)
        subject = f"The attachment {name!r}" if name else "An attachment"
        return f"{subject} is {sighting.subject}."
    runs = sighting.kind not in {FindingKind.OPEN_ACTION, FindingKind.ADDITIONAL_ACTIONS}
    when = f"; {_WHEN[sighting.trigger]}" if sighting.trigger and runs else ""
    return f"{special.message if special is not None else _MESSAGES[sighting.kind]}{when}."
