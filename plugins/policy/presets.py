"""The presets. The first rule that matches a finding decides about it.

While a file arrives, the trigger of a script is often not known yet. Only rules that name
triggers refuse scripts under ``standard``, so that nothing is refused on a suspicion; the
deep pass finds the trigger before the upload completes.
"""

from collections.abc import Mapping

from pdfsluice.core import BY_ITSELF, Decision, FindingKind, Revision, Severity, Trigger

from .rule import ANY_KIND, Rule

NOTE, FLAG, QUARANTINE, REJECT = Decision
CURRENT = Revision.CURRENT


def _rule(
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
    _rule(K.MALWARE, REJECT, severity=Severity.HIGH),
    _rule(K.MALWARE, FLAG),
    _rule(K.CLIENT_ENCRYPTED, REJECT),  # before a byte is sent
    _rule(K.UNREAD, QUARANTINE),  # what was not seen is not clean; a person decides
    _rule(K.FORMS_ACROFORM, NOTE),
    _rule(K.EXTERNAL_REFERENCES_URI, QUARANTINE, severity=Severity.HIGH, revision=CURRENT),
    _rule(K.EXTERNAL_REFERENCES_URI, NOTE),
    _rule(K.OPEN_ACTION, NOTE),
    _rule(K.ADDITIONAL_ACTIONS, NOTE),  # what they run is a finding of its own
    _rule(ANY_KIND, FLAG, revision=Revision.EARLIER),  # replaced since: shown by no reader
    _rule(K.JAVASCRIPT, REJECT, triggers=BY_ITSELF),
    _rule(K.JAVASCRIPT, FLAG),
    _rule(K.LAUNCH, REJECT),
    _rule(K.POLYGLOT, REJECT),
    _rule(K.EXECUTABLE, REJECT, severity=Severity.HIGH),
    _rule(K.EXECUTABLE, FLAG),  # a text that is a script by name or first line only
    _rule(K.EMBEDDED_FILES, FLAG, severity=Severity.LOW),
    _rule(K.EMBEDDED_FILES, NOTE),  # data, such as an e-invoice
    _rule(K.FORMS_XFA, REJECT, triggers=BY_ITSELF),  # scripts
    _rule(K.FORMS_XFA, FLAG),
    _rule(K.SUBMIT_FORM, QUARANTINE, triggers=BY_ITSELF),
    _rule(K.SUBMIT_FORM, FLAG),
    _rule(K.GOTO_REMOTE, QUARANTINE, severity=Severity.HIGH),  # by itself, on a network
    _rule(K.GOTO_REMOTE, FLAG),
    _rule(K.IMPORT_DATA, QUARANTINE, triggers=BY_ITSELF),
    _rule(K.IMPORT_DATA, FLAG),
    _rule(K.RICH_MEDIA, FLAG),
    _rule(K.ENCRYPTED, FLAG, severity=Severity.LOW),
    _rule(K.ENCRYPTED, NOTE),  # it opens without a password, and was checked
    _rule(K.RESOURCE_LIMIT, FLAG),
    _rule(K.MALFORMED, REJECT, severity=Severity.CRITICAL),  # not a PDF at all
    _rule(K.MALFORMED, FLAG, severity=Severity.HIGH),  # beyond repair
    _rule(K.MALFORMED, NOTE),
    _rule(ANY_KIND, REJECT, severity=Severity.CRITICAL),  # kinds of other plugins
    _rule(ANY_KIND, FLAG, severity=Severity.MEDIUM),
    _rule(ANY_KIND, NOTE),
)

PERMISSIVE: tuple[Rule, ...] = (
    _rule(K.MALWARE, REJECT, severity=Severity.HIGH),
    _rule(K.MALWARE, FLAG),
    _rule(ANY_KIND, NOTE, revision=Revision.EARLIER),
    _rule(K.EXECUTABLE, QUARANTINE, severity=Severity.HIGH),
    _rule(K.CLIENT_ENCRYPTED, FLAG),
    _rule(K.UNREAD, FLAG),
    _rule(K.JAVASCRIPT, FLAG, triggers=BY_ITSELF),
    _rule(K.FORMS_XFA, FLAG, triggers=BY_ITSELF),
    _rule(K.SUBMIT_FORM, FLAG, triggers=BY_ITSELF),
    _rule(K.IMPORT_DATA, FLAG, triggers=BY_ITSELF),
    _rule(K.GOTO_REMOTE, FLAG, severity=Severity.HIGH),
    _rule(K.EXTERNAL_REFERENCES_URI, FLAG, severity=Severity.HIGH),
    _rule(K.LAUNCH, FLAG),
    _rule(K.POLYGLOT, FLAG),
    _rule(K.ENCRYPTED, FLAG, severity=Severity.LOW),
    _rule(K.RESOURCE_LIMIT, FLAG),
    _rule(K.MALFORMED, REJECT, severity=Severity.CRITICAL),
    _rule(ANY_KIND, FLAG, severity=Severity.CRITICAL),
    _rule(ANY_KIND, NOTE),
)

STRICT: tuple[Rule, ...] = (
    _rule(K.MALWARE, REJECT),
    _rule(K.CLIENT_ENCRYPTED, REJECT),
    _rule(K.UNREAD, REJECT),
    _rule(K.FORMS_ACROFORM, NOTE),
    _rule(K.EXTERNAL_REFERENCES_URI, REJECT, severity=Severity.HIGH, revision=CURRENT),
    _rule(K.EXTERNAL_REFERENCES_URI, NOTE),
    _rule(K.OPEN_ACTION, FLAG),
    _rule(K.ADDITIONAL_ACTIONS, FLAG),
    _rule(ANY_KIND, QUARANTINE, revision=Revision.EARLIER),
    _rule(K.JAVASCRIPT, REJECT),
    _rule(K.LAUNCH, REJECT),
    _rule(K.POLYGLOT, REJECT),
    _rule(K.EXECUTABLE, REJECT),
    _rule(K.EMBEDDED_FILES, REJECT, severity=Severity.LOW),
    _rule(K.EMBEDDED_FILES, FLAG),
    _rule(K.FORMS_XFA, REJECT),
    _rule(K.SUBMIT_FORM, REJECT),
    _rule(K.GOTO_REMOTE, REJECT),
    _rule(K.IMPORT_DATA, REJECT),
    _rule(K.RICH_MEDIA, REJECT),
    _rule(K.ENCRYPTED, QUARANTINE, severity=Severity.LOW),  # could not be checked; a person decides
    _rule(K.RESOURCE_LIMIT, REJECT),
    _rule(K.MALFORMED, REJECT, severity=Severity.HIGH),
    _rule(K.MALFORMED, FLAG),
    _rule(ANY_KIND, REJECT, severity=Severity.HIGH),
    _rule(ANY_KIND, FLAG, severity=Severity.LOW),
    _rule(ANY_KIND, NOTE),
)

PRESETS: Mapping[str, tuple[Rule, ...]] = {
    "permissive": PERMISSIVE,
    "standard": STANDARD,
    "strict": STRICT,
}
