"""What every policy must do."""

import pytest

from pdfsluice.core import Decision, Finding, FindingKind, Policy, SessionState, Severity, Trigger

from .samples import make_session


class PolicyContract:
    """The tests of a policy.

    Override ``policy``.
    """

    @pytest.fixture
    def policy(self) -> Policy:
        raise NotImplementedError("override the fixture 'policy'")

    @pytest.mark.parametrize("kind", [*FindingKind, "acme-unknown"])
    def test_every_finding_has_one_decision(self, policy: Policy, kind: str) -> None:
        for severity in Severity:
            for trigger in (None, *Trigger):
                finding = Finding(
                    kind=kind, severity=severity, stage="any", message="!", trigger=trigger
                )
                for state in (SessionState.UPLOADING, SessionState.VALIDATING):
                    session = make_session(state=state)
                    decision = policy.decide(finding, session)
                    assert isinstance(decision, Decision)
                    assert policy.decide(finding, session) is decision

    def test_it_keeps_rejected_files_or_not(self, policy: Policy) -> None:
        assert policy.keeps_rejected() in {True, False}
