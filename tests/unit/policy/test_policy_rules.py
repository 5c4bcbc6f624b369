"""The presets decide what the documentation promises; own rules go before them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product, starmap
from pathlib import Path

import pytest
from pydantic import ValidationError

from pdfsluice.core.models.findings import (
    Decision,
    Finding,
    FindingKind,
    Revision,
    Severity,
    Trigger,
)
from pdfsluice.core.models.sessions import Protocol, Session, SessionState
from pdfsluice.plugins.policy.options import PolicyOptions
from pdfsluice.plugins.policy.policy import RulesPolicy
from pdfsluice.plugins.policy.presets import PRESETS

NOW = datetime(2030, 1, 1, tzinfo=UTC)
UPLOADING = Session(
    id="s",
    owner="alice",
    client_id="c",
    filename="f.pdf",
    total_size=10,
    chunk_size=10,
    protocol=Protocol.REST,
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW,
    state=SessionState.UPLOADING,
)
VALIDATING = replace(UPLOADING, state=SessionState.VALIDATING)
TRIGGERS = (None, *Trigger)


def found(
    kind: str,
    trigger: Trigger | None = None,
    severity: Severity = Severity.MEDIUM,
    revision: Revision = Revision.CURRENT,
) -> Finding:
    return Finding(
        kind=kind, severity=severity, stage="s", message="m", trigger=trigger, revision=revision
    )


def every_finding() -> Iterator[Finding]:
    kinds = (*FindingKind, "of-a-plugin")
    return starmap(found, product(kinds, TRIGGERS, Severity, Revision))


def policy(**options: object) -> RulesPolicy:
    return RulesPolicy(PolicyOptions.model_validate(options))


STANDARD = [
    (found("javascript", Trigger.OPEN), "REJECT"),
    (found("javascript", Trigger.PAGE), "REJECT"),
    (found("javascript", Trigger.NAMED), "REJECT"),
    (found("javascript", Trigger.CLOSE), "REJECT"),
    (found("javascript", Trigger.SAVE), "REJECT"),
    (found("javascript", Trigger.PRINT), "REJECT"),
    (found("javascript", Trigger.FIELD), "FLAG"),
    (found("javascript", Trigger.CLICK), "FLAG"),
    (found("launch", Trigger.CLICK), "REJECT"),
    (found("launch"), "REJECT"),
    (found("polyglot"), "REJECT"),
    (found("executable", severity=Severity.CRITICAL), "REJECT"),
    (found("malware", severity=Severity.CRITICAL), "REJECT"),
    (found("malware", severity=Severity.LOW), "FLAG"),
    (found("goto_remote", Trigger.OPEN), "FLAG"),
    (found("submit_form", Trigger.CLICK), "FLAG"),
    (found("import_data"), "FLAG"),
    (found("rich_media"), "FLAG"),
    (found("embedded_files"), "FLAG"),
    (found("forms_xfa"), "FLAG"),
    (found("encrypted"), "FLAG"),
    (found("encrypted", severity=Severity.INFO), "NOTE"),
    (found("resource_limit"), "FLAG"),
    (found("forms_acroform"), "NOTE"),
    (found("external_references_uri", Trigger.CLICK), "NOTE"),
    (found("open_action", Trigger.OPEN), "NOTE"),
    (found("additional_actions", Trigger.OPEN), "NOTE"),
    (found("malformed", severity=Severity.LOW), "NOTE"),
    (found("malformed", severity=Severity.HIGH), "FLAG"),
    (found("malformed", severity=Severity.CRITICAL), "REJECT"),
    (found("of-a-plugin", severity=Severity.LOW), "NOTE"),
    (found("of-a-plugin", severity=Severity.HIGH), "FLAG"),
    (found("of-a-plugin", severity=Severity.CRITICAL), "REJECT"),
]


@pytest.mark.parametrize("session", [UPLOADING, VALIDATING], ids=["streaming", "completion"])
def test_standard_is_the_default_and_decides_as_promised(session: Session) -> None:
    standard = policy()
    decisions = [(finding, standard.decide(finding, session).name) for finding, _ in STANDARD]
    assert decisions == STANDARD


@pytest.mark.parametrize("session", [UPLOADING, VALIDATING], ids=["streaming", "completion"])
def test_a_script_whose_trigger_is_not_known_is_not_refused(session: Session) -> None:
    assert policy().decide(found("javascript"), session) is Decision.FLAG


@pytest.mark.parametrize("kind", ["javascript", "launch", "embedded_files"])
def test_what_a_later_revision_replaced_is_flagged(kind: str) -> None:
    old = found(kind, Trigger.OPEN, revision=Revision.EARLIER)
    assert policy().decide(old, VALIDATING) is Decision.FLAG


def test_malware_in_an_earlier_revision_is_still_refused() -> None:
    old = found("malware", severity=Severity.CRITICAL, revision=Revision.EARLIER)
    assert policy().decide(old, VALIDATING) is Decision.REJECT


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_decides_about_everything(preset: str) -> None:
    rules = policy(preset=preset)
    for finding in every_finding():
        assert rules.decide(finding, UPLOADING) in Decision


def test_presets_grow_stricter() -> None:
    presets = [policy(preset=preset) for preset in ("permissive", "standard", "strict")]
    for kind, trigger in product(FindingKind, TRIGGERS):
        decisions = [preset.decide(found(kind, trigger), VALIDATING) for preset in presets]
        assert decisions == sorted(decisions), (kind, trigger)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_line_of_a_preset_is_out_of_reach(preset: str) -> None:
    rules = PRESETS[preset]
    reached = {
        next(rule for rule in rules if rule.matches(finding, VALIDATING))
        for finding in every_finding()
    }
    assert reached == set(rules)


def test_own_rules_go_first_and_the_first_that_matches_decides() -> None:
    own = policy(
        rules=[
            {"kind": "embedded_files", "decision": "note", "principals": ["alice"]},
            {"kind": "embedded_files", "decision": "quarantine"},
        ]
    )
    assert own.decide(found("embedded_files"), UPLOADING) is Decision.NOTE
    bob = replace(UPLOADING, owner="bob")
    assert own.decide(found("embedded_files"), bob) is Decision.QUARANTINE
    assert own.decide(found("rich_media"), bob) is Decision.FLAG


def test_a_rule_of_completion_waits_and_no_later_rule_decides_first() -> None:
    own = policy(
        rules=[
            {"kind": "launch", "decision": "flag", "principals": ["bob"]},
            {"kind": "javascript", "decision": "quarantine", "moment": "completion"},
            {"decision": "reject"},
        ]
    )
    script = found("javascript", Trigger.OPEN)
    assert own.decide(script, UPLOADING) is Decision.NOTE
    assert own.decide(script, VALIDATING) is Decision.QUARANTINE
    assert own.decide(found("launch"), UPLOADING) is Decision.REJECT, "it concerns scripts alone"


def test_a_rule_of_completion_waits_for_a_trigger_that_is_not_known_yet() -> None:
    asked = {"kind": "javascript", "trigger": ["click"], "decision": "note"}
    own = policy(preset="strict", rules=[asked | {"moment": "completion"}])
    assert own.decide(found("javascript"), UPLOADING) is Decision.NOTE
    assert own.decide(found("javascript"), VALIDATING) is Decision.REJECT
    assert own.decide(found("javascript", Trigger.CLICK), VALIDATING) is Decision.NOTE
    assert own.decide(found("javascript", Trigger.OPEN), UPLOADING) is Decision.REJECT


def test_a_rule_of_streaming_is_silent_at_completion() -> None:
    own = policy(rules=[{"kind": "rich_media", "decision": "reject", "moment": "streaming"}])
    assert own.decide(found("rich_media"), UPLOADING) is Decision.REJECT
    assert own.decide(found("rich_media"), VALIDATING) is Decision.FLAG


def test_a_rule_may_ask_for_severity_and_trigger() -> None:
    own = policy(
        rules=[{"severity": "high", "trigger": ["click", "field"], "decision": "quarantine"}]
    )
    grave = found("submit_form", Trigger.CLICK, Severity.HIGH)
    assert own.decide(grave, VALIDATING) is Decision.QUARANTINE
    assert own.decide(replace(grave, severity=Severity.MEDIUM), VALIDATING) is Decision.FLAG
    assert own.decide(replace(grave, trigger=None), VALIDATING) is Decision.FLAG


@pytest.mark.parametrize(
    "options",
    [
        {"preset": "lenient"},
        {"rules": [{"kind": "launch"}]},
        {"rules": [{"kind": "launch", "decision": "allow"}]},
        {"rules": [{"kind": "launch", "decision": "flag", "trigger": ["hover"]}]},
        {"rules": [{"knid": "launch", "decision": "flag"}]},
    ],
)
def test_mistakes_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        policy(**options)


def test_rejected_files_are_kept_if_a_setting_asks_for_it() -> None:
    assert not policy().keeps_rejected()
    assert policy(quarantine_rejected=True).keeps_rejected()


DOCUMENT = Path(__file__).parents[3] / "docs" / "explanation" / "policy.md"
SPECIAL_ROWS = {
    "script that runs by itself (`open`, `named`, `page`, `close`, `save`, `print`)": [
        found("javascript", trigger) for trigger in set(Trigger) - {Trigger.FIELD, Trigger.CLICK}
    ],
    "script of a field or a click, or of unknown trigger": [
        found("javascript", trigger) for trigger in (Trigger.FIELD, Trigger.CLICK, None)
    ],
    "`executable` (a program in an attachment)": [found("executable", severity=Severity.CRITICAL)],
    "`executable`, medium: a text that is a script by its name or first line only": [
        found("executable")
    ],
    "XFA form whose scripts run by themselves": [found("forms_xfa", Trigger.OPEN)],
    "`submit_form` or `import_data` that runs by itself": [
        found(kind, Trigger.PAGE) for kind in ("submit_form", "import_data")
    ],
    "`goto_remote`, high: opens a file on another computer by itself": [
        found("goto_remote", Trigger.PAGE, Severity.HIGH)
    ],
    (
        "`external_references_uri`, high: opens an address by itself that is neither of the web"
        " nor of mail"
    ): [found("external_references_uri", Trigger.OPEN, Severity.HIGH)],
    "`embedded_files`, info: only data, such as an e-invoice": [
        found("embedded_files", severity=Severity.INFO)
    ],
    "`encrypted`, info: opens without a password, so that it was checked": [
        found("encrypted", severity=Severity.INFO)
    ],
    "`malware`, high or critical": [
        found("malware", severity=severity) for severity in (Severity.HIGH, Severity.CRITICAL)
    ],
    "`malware`, below that": [
        found("malware", severity=severity) for severity in (Severity.LOW, Severity.MEDIUM)
    ],
    "`malformed`: not a PDF at all": [found("malformed", severity=Severity.CRITICAL)],
    "`malformed`: beyond repair": [found("malformed", severity=Severity.HIGH)],
    "`malformed`: repaired": [found("malformed", severity=Severity.LOW)],
    "anything that only an earlier revision holds": [
        found(kind, revision=Revision.EARLIER) for kind in ("javascript", "launch", "encrypted")
    ],
    "a kind of another plugin, critical": [found("word", severity=Severity.CRITICAL)],
    "the same, high": [found("word", severity=Severity.HIGH)],
    "the same, medium": [found("word", severity=Severity.MEDIUM)],
    "the same, low": [found("word", severity=Severity.LOW)],
    "the same, info": [found("word", severity=Severity.INFO)],
}


def test_the_table_in_the_documentation_is_true() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = lines.index("| finding | permissive | **standard** | strict |") + 2
    rows = [line.strip("|").split("|") for line in lines[start : lines.index("", start)]]
    told: set[str] = set()
    for what, *decisions in rows:
        findings = SPECIAL_ROWS.get(what.strip())
        if findings is None:
            findings = [found(kind) for kind in re.findall(r"`(\w+)`", what)]
        for finding in findings:
            told.add(finding.kind)
            for preset, decision in zip(
                ("permissive", "standard", "strict"), decisions, strict=True
            ):
                expected = Decision[decision.strip(" *").upper()]
                assert policy(preset=preset).decide(finding, VALIDATING) is expected, (what, preset)
    assert told == {*map(str, FindingKind), "word"}
