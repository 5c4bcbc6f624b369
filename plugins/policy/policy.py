"""The rules engine: the first rule that matches decides."""

from pdfsluice.core import Decision, Finding, Session

from .options import PolicyOptions
from .presets import PRESETS
from .rule import ANY_KIND


class RulesPolicy:
    """A policy of the operator's own rules, and after them those of a preset."""

    def __init__(self, options: PolicyOptions) -> None:
        own = (rule.rule() for rule in options.rules)
        rules = (*own, *PRESETS[options.preset])
        # Few of the rules concern a kind; a file is judged before anything is found in it, too.
        self._rules = {
            kind: tuple(rule for rule in rules if rule.kind in {kind, ANY_KIND})
            for kind in {rule.kind for rule in rules}
        }
        self._other_rules = tuple(rule for rule in rules if rule.kind == ANY_KIND)
        self._keeps_rejected = options.quarantine_rejected

    def decide(self, finding: Finding, session: Session) -> Decision:
        """Return the decision of the first rule that matches; every preset ends in one.

        A rule that waits for the whole file is not forestalled by those after it.
        """
        for rule in self._rules.get(finding.kind, self._other_rules):
            if rule.matches(finding, session):
                return rule.decision
            if rule.waits(finding, session):
                break
        return Decision.NOTE

    def keeps_rejected(self) -> bool:
        """Return whether rejected files go to quarantine."""
        return self._keeps_rejected
