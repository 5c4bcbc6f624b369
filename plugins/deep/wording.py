"""How sightings are told to people: a sentence, advice, and how grave it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from pdfsluice.core.findings import Finding, FindingKind, Severity, Trigger
from pdfsluice.core.printable import printable

from .sightings import Sighting

_EXCERPT = 160
_NAME = 80


@dataclass(frozen=True, slots=True)
class _Words:
    severity: Severity
    message: str
    advice: str


_OPEN_CAREFULLY = "Open it only if you trust the sender, in a reader with scripts turned off."
_ASK = "Ask the sender why it is there, or for a copy without it."

_WORDS: Mapping[FindingKind, _Words] = {
    FindingKind.JAVASCRIPT: _Words(
        Severity.MEDIUM, "The document contains a script (JavaScript)", _OPEN_CAREFULLY
    ),
    FindingKind.OPEN_ACTION: _Words(
        Severity.INFO,
        "Something happens when the document is opened, such as going to a page",
        "Nothing needs to be done; what it runs is reported on its own.",
    ),
    FindingKind.ADDITIONAL_ACTIONS: _Words(
        Severity.LOW,
        "The document reacts to events, such as a page being shown",
        "Look at what is run; scripts are reported on their own.",
    ),
    FindingKind.LAUNCH: _Words(
        Severity.HIGH, "The document can start a program or open another file", _ASK
    ),
    FindingKind.EMBEDDED_FILES: _Words(
        Severity.MEDIUM, "The document has a file attached", "Check attachments before opening."
    ),
    FindingKind.EXECUTABLE: _Words(
        Severity.CRITICAL,
        "An attachment is a program",
        "Do not open the attachment; ask the sender for a copy without it.",
    ),
    FindingKind.FORMS_ACROFORM: _Words(
        Severity.INFO, "The document has a form", "Nothing needs to be done."
    ),
    FindingKind.FORMS_XFA: _Words(
        Severity.MEDIUM,
        "The document has a form of the dynamic kind (XFA)",
        "Ask for a copy with a plain form; few readers still support this kind.",
    ),
    FindingKind.EXTERNAL_REFERENCES_URI: _Words(
        Severity.INFO, "The document links to an address", "Check the address before following it."
    ),
    FindingKind.SUBMIT_FORM: _Words(
        Severity.MEDIUM,
        "The document can send what is filled in to an address",
        "Check the address before sending anything.",
    ),
    FindingKind.GOTO_REMOTE: _Words(
        Severity.MEDIUM, "The document leads into another document", _ASK
    ),
    FindingKind.IMPORT_DATA: _Words(
        Severity.MEDIUM, "The document can read data from another file", _ASK
    ),
    FindingKind.RICH_MEDIA: _Words(
        Severity.MEDIUM,
        "The document contains media (film, sound, 3D or Flash)",
        "Ask for a copy without media if you do not need it.",
    ),
    FindingKind.ENCRYPTED: _Words(
        Severity.LOW,
        "The document is encrypted, and opens without a password",
        "Nothing needs to be done; its content was checked.",
    ),
    FindingKind.MALFORMED: _Words(
        Severity.LOW,
        "The document is damaged and was read only after repair",
        "Save it anew with the program that made it.",
    ),
    FindingKind.RESOURCE_LIMIT: _Words(
        Severity.MEDIUM,
        "The document takes too much time or memory to inspect",
        "It may be made to harm; ask for a simpler copy.",
    ),
}
_SPECIAL: Mapping[tuple[FindingKind, str], _Words] = {
    (FindingKind.ENCRYPTED, "password"): _Words(
        Severity.MEDIUM,
        "The document opens only with a password, and could not be checked",
        "Ask for a copy without a password, or accept it unchecked.",
    ),
    (FindingKind.ENCRYPTED, "unknown"): _Words(
        Severity.MEDIUM,
        "The document is encrypted in an unknown way, and could not be checked",
        "Ask for a copy without encryption, or accept it unchecked.",
    ),
    (FindingKind.MALFORMED, "unopenable"): _Words(
        Severity.HIGH,
        "The document is damaged beyond repair",
        "Send it anew from the original file.",
    ),
    (FindingKind.MALFORMED, "crashed"): _Words(
        Severity.HIGH,
        "The document made the inspecting program crash",
        "It may be made to harm; ask for a copy saved anew.",
    ),
    (FindingKind.FORMS_XFA, "scripts"): _Words(
        Severity.MEDIUM,
        "The document has a form of the dynamic kind (XFA) with scripts of its own",
        "Ask for a copy with a plain form; few readers still support this kind.",
    ),
}
_WHEN: Mapping[Trigger, str] = {
    Trigger.OPEN: "it runs when the document is opened",
    Trigger.PAGE: "it runs when a page is shown",
    Trigger.NAMED: "it runs when the document is opened",
    Trigger.FIELD: "it runs when a form field is used",
    Trigger.CLICK: "it runs on a click",
}
_BY_ITSELF = frozenset({Trigger.OPEN, Trigger.PAGE, Trigger.NAMED})
_DANGEROUS_BY_ITSELF = frozenset(
    {FindingKind.JAVASCRIPT, FindingKind.SUBMIT_FORM, FindingKind.IMPORT_DATA}
)


def to_finding(sighting: Sighting, stage: str) -> Finding:
    """Turn a sighting into a finding."""
    words = _SPECIAL.get((sighting.kind, sighting.subject)) or _WORDS[sighting.kind]
    return Finding(
        kind=sighting.kind,
        severity=_severity(sighting, words),
        stage=stage,
        message=_message(sighting, words),
        advice=words.advice,
        object=sighting.object,
        trigger=sighting.trigger,
        hidden=sighting.hidden,
        excerpt=printable(sighting.excerpt, _EXCERPT),
    )


def _severity(sighting: Sighting, words: _Words) -> Severity:
    if sighting.kind in _DANGEROUS_BY_ITSELF and sighting.trigger in _BY_ITSELF:
        return Severity.HIGH
    return words.severity


def _message(sighting: Sighting, words: _Words) -> str:
    if sighting.kind is FindingKind.EXECUTABLE:
        name = printable(sighting.excerpt, _NAME)
        return (
            f"The attachment {name!r} is {sighting.subject}."
            if name
            else (f"An attachment is {sighting.subject}.")
        )
    runs = sighting.kind not in {FindingKind.OPEN_ACTION, FindingKind.ADDITIONAL_ACTIONS}
    when = f"; {_WHEN[sighting.trigger]}" if sighting.trigger and runs else ""
    return f"{words.message}{when}."
