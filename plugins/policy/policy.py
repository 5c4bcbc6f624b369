"""The rules engine: the first rule that matches decides."""

from pdfsluice.core import Decision, Finding, Session

from .options import PolicyOptions
from .presets import PRESETS


class RulesPolicy:
    """A policy of the operator's own rules, and after them those of a preset."""

    def __init__(self, options: PolicyOptions) -> None:
        own = (rule.rule() for rule in options.rules)
        self._rules = (*own, *PRESETS[options.preset])
        self._keeps_rejected = options.quarantine_rejected

    def decide(self, finding: Finding, session: Session) -> Decision:
        """Return the decision of the first rule that matches; every preset ends in one.

        A rule that waits for the whole file is not forestalled by those after it.
        """
        for rule in self._rules:
            if rule.matches(finding, session):
                return rule.decision
            if rule.waits(finding, session):
                break
        return Decision.NOTE

    def keeps_rejected(self) -> bool:
        """Return whether rejected files go to quarantine."""
        return self._keeps_rejected
