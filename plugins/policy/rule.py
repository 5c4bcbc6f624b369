"""One rule of a policy."""

from dataclasses import dataclass
from enum import StrEnum

from pdfsluice.core import Decision, Finding, Revision, Session, SessionState, Severity, Trigger

ANY_KIND = "*"
_ARRIVING = frozenset({SessionState.CREATED, SessionState.UPLOADING})


class Moment(StrEnum):
    """When a finding is judged."""

    STREAMING = "streaming"
    """While the file arrives; not everything about a finding is known yet."""
    COMPLETION = "completion"
    """When all bytes are there and every stage has reported, or will have."""

    @classmethod
    def of(cls, session: Session) -> "Moment":
        """Return the moment for the session's state."""
        return cls.STREAMING if session.state in _ARRIVING else cls.COMPLETION


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A decision about findings of a kind that meet every other condition.

    Attributes:
        kind: The finding's kind, or ``*`` for all kinds.
        decision: What is decided.
        triggers: What makes it run; a finding whose trigger is not known matches none.
        severity: How grave it is at least.
        revision: Whether it is part of the file as it is shown.
        moment: When it is judged. Until a rule of completion may match, no rule after it does.
        principals: The principals whose uploads are meant.
    """

    kind: str
    decision: Decision
    triggers: frozenset[Trigger] | None = None
    severity: Severity | None = None
    revision: Revision | None = None
    moment: Moment | None = None
    principals: frozenset[str] | None = None

    def matches(self, finding: Finding, session: Session) -> bool:
        """Return whether the rule matches this finding in this session."""
        return (
            self._concerns(finding, session)
            and (self.triggers is None or finding.trigger in self.triggers)
            and (self.moment is None or Moment.of(session) is self.moment)
        )

    def waits(self, finding: Finding, session: Session) -> bool:
        """Return whether the rule may match this finding only when the file is whole."""
        return (
            self.moment is Moment.COMPLETION
            and Moment.of(session) is Moment.STREAMING
            and self._concerns(finding, session)
            and (self.triggers is None or finding.trigger in {None, *self.triggers})
        )

    def _concerns(self, finding: Finding, session: Session) -> bool:
        return (
            self.kind in {ANY_KIND, finding.kind}
            and (self.severity is None or finding.severity.rank >= self.severity.rank)
            and (self.revision is None or finding.revision == self.revision)
            and (self.principals is None or session.owner in self.principals)
        )
