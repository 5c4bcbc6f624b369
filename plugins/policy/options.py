"""The settings section ``policy``."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pdfsluice.core import Decision, Severity, Trigger

from .rule import ANY_KIND, Moment, Rule

DecisionName = Literal["note", "flag", "quarantine", "reject"]


class RuleOptions(BaseModel):
    """A rule of one's own; see :class:`~.rule.Rule`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(ANY_KIND, min_length=1, description="Kind of the finding, or '*'.")
    decision: DecisionName = Field(description="note, flag, quarantine or reject.")
    trigger: tuple[Trigger, ...] | None = Field(
        None, description="What makes it run: open, page, named, field, click."
    )
    severity: Severity | None = Field(None, description="How grave it is at least.")
    moment: Moment | None = Field(None, description="streaming or completion.")
    principals: tuple[str, ...] | None = Field(
        None, description="Principals whose uploads are meant."
    )

    def rule(self) -> Rule:
        """Return the rule."""
        return Rule(
            kind=self.kind,
            decision=Decision[self.decision.upper()],
            triggers=None if self.trigger is None else frozenset(self.trigger),
            severity=self.severity,
            moment=self.moment,
            principals=None if self.principals is None else frozenset(self.principals),
        )


class PolicyOptions(BaseModel):
    """What becomes of files in which something was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["permissive", "standard", "strict"] = Field(
        "standard", description="The rules to begin with."
    )
    rules: tuple[RuleOptions, ...] = Field(
        (), description="Rules that go before those of the preset; the first that matches decides."
    )
    quarantine_rejected: bool = Field(
        False, description="Whether rejected files are kept in quarantine instead of deleted."
    )
