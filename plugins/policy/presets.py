"""The presets. The first line that matches a finding decides about it.

While a file arrives, the trigger of a script is often not known yet. Only lines that name
triggers refuse scripts under ``standard``, so that nothing is refused on a suspicion; the
deep pass finds the trigger before the upload completes.
"""

from collections.abc import Mapping

from pdfsluice.core import BY_ITSELF, Decision, FindingKind, Revision, Severity, Trigger

from .rule import ANY_KIND, Rule

NOTE, FLAG, QUARANTINE, REJECT = Decision
CURRENT = Revision.CURRENT


def _line(
    kind: str,
    decision: Decision,
    *,
    triggers: frozenset[Trigger] | None = None,
    severity: Severity | None = None,
    revision: Revision | None = None,
) -> Rule:
    return Rule(
        kind=kind, decision=decision, triggers=triggers, severity=severity, revision=revision
    )


K = FindingKind
STANDARD: tuple[Rule, ...] = (
    _line(K.MALWARE, REJECT, severity=Severity.HIGH),
    _line(K.MALWARE, FLAG),
    _line(K.CLIENT_ENCRYPTED, REJECT),  # before a byte is sent
    _line(K.UNREAD, QUARANTINE),  # what was not seen is not clean; a person decides
    _line(K.FORMS_ACROFORM, NOTE),
    _line(K.EXTERNAL_REFERENCES_URI, QUARANTINE, severity=Severity.HIGH, revision=CURRENT),
    _line(K.EXTERNAL_REFERENCES_URI, NOTE),
    _line(K.OPEN_ACTION, NOTE),
    _line(K.ADDITIONAL_ACTIONS, NOTE),  # what they run is a finding of its own
    _line(ANY_KIND, FLAG, revision=Revision.EARLIER),  # replaced since: shown by no reader
    _line(K.JAVASCRIPT, REJECT, triggers=BY_ITSELF),
    _line(K.JAVASCRIPT, FLAG),
    _line(K.LAUNCH, REJECT),
    _line(K.POLYGLOT, REJECT),
    _line(K.EXECUTABLE, REJECT, severity=Severity.HIGH),
    _line(K.EXECUTABLE, FLAG),  # a text that is a script by name or first line only
    _line(K.EMBEDDED_FILES, FLAG, severity=Severity.LOW),
    _line(K.EMBEDDED_FILES, NOTE),  # data, such as an e-invoice
    _line(K.FORMS_XFA, REJECT, triggers=BY_ITSELF),  # scripts
    _line(K.FORMS_XFA, FLAG),
    _line(K.SUBMIT_FORM, QUARANTINE, triggers=BY_ITSELF),
    _line(K.SUBMIT_FORM, FLAG),
    _line(K.GOTO_REMOTE, QUARANTINE, severity=Severity.HIGH),  # by itself, on a network
    _line(K.GOTO_REMOTE, FLAG),
    _line(K.IMPORT_DATA, QUARANTINE, triggers=BY_ITSELF),
    _line(K.IMPORT_DATA, FLAG),
    _line(K.RICH_MEDIA, FLAG),
    _line(K.ENCRYPTED, FLAG),
    _line(K.RESOURCE_LIMIT, FLAG),
    _line(K.MALFORMED, REJECT, severity=Severity.CRITICAL),  # not a PDF at all
    _line(K.MALFORMED, FLAG, severity=Severity.HIGH),  # beyond repair
    _line(K.MALFORMED, NOTE),
    _line(ANY_KIND, REJECT, severity=Severity.CRITICAL),  # kinds of other plugins
    _line(ANY_KIND, FLAG, severity=Severity.MEDIUM),
    _line(ANY_KIND, NOTE),
)

PERMISSIVE: tuple[Rule, ...] = (
    _line(K.MALWARE, REJECT, severity=Severity.HIGH),
    _line(K.MALWARE, FLAG),
    _line(ANY_KIND, NOTE, revision=Revision.EARLIER),
    _line(K.EXECUTABLE, QUARANTINE, severity=Severity.HIGH),
    _line(K.CLIENT_ENCRYPTED, FLAG),
    _line(K.UNREAD, FLAG),
    _line(K.JAVASCRIPT, FLAG, triggers=BY_ITSELF),
    _line(K.FORMS_XFA, FLAG, triggers=BY_ITSELF),
    _line(K.SUBMIT_FORM, FLAG, triggers=BY_ITSELF),
    _line(K.IMPORT_DATA, FLAG, triggers=BY_ITSELF),
    _line(K.GOTO_REMOTE, FLAG, severity=Severity.HIGH),
    _line(K.EXTERNAL_REFERENCES_URI, FLAG, severity=Severity.HIGH),
    _line(K.LAUNCH, FLAG),
    _line(K.POLYGLOT, FLAG),
    _line(K.ENCRYPTED, FLAG),
    _line(K.RESOURCE_LIMIT, FLAG),
    _line(K.MALFORMED, REJECT, severity=Severity.CRITICAL),
    _line(ANY_KIND, FLAG, severity=Severity.CRITICAL),
    _line(ANY_KIND, NOTE),
)

STRICT: tuple[Rule, ...] = (
    _line(K.MALWARE, REJECT),
    _line(K.CLIENT_ENCRYPTED, REJECT),
    _line(K.UNREAD, REJECT),
    _line(K.FORMS_ACROFORM, NOTE),
    _line(K.EXTERNAL_REFERENCES_URI, REJECT, severity=Severity.HIGH, revision=CURRENT),
    _line(K.EXTERNAL_REFERENCES_URI, NOTE),
    _line(K.OPEN_ACTION, FLAG),
    _line(K.ADDITIONAL_ACTIONS, FLAG),
    _line(ANY_KIND, QUARANTINE, revision=Revision.EARLIER),
    _line(K.JAVASCRIPT, REJECT),
    _line(K.LAUNCH, REJECT),
    _line(K.POLYGLOT, REJECT),
    _line(K.EXECUTABLE, REJECT),
    _line(K.EMBEDDED_FILES, REJECT, severity=Severity.LOW),
    _line(K.EMBEDDED_FILES, FLAG),
    _line(K.FORMS_XFA, REJECT),
    _line(K.SUBMIT_FORM, REJECT),
    _line(K.GOTO_REMOTE, REJECT),
    _line(K.IMPORT_DATA, REJECT),
    _line(K.RICH_MEDIA, REJECT),
    _line(K.ENCRYPTED, QUARANTINE),  # could not be checked; a person decides
    _line(K.RESOURCE_LIMIT, REJECT),
    _line(K.MALFORMED, REJECT, severity=Severity.HIGH),
    _line(K.MALFORMED, FLAG),
    _line(ANY_KIND, REJECT, severity=Severity.HIGH),
    _line(ANY_KIND, FLAG, severity=Severity.LOW),
    _line(ANY_KIND, NOTE),
)

PRESETS: Mapping[str, tuple[Rule, ...]] = {
    "permissive": PERMISSIVE,
    "standard": STANDARD,
    "strict": STRICT,
}
