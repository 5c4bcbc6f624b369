"""The port of policies: what a finding means for the upload."""

from dataclasses import dataclass
from typing import Protocol

from pdfsluice.core.models.findings import Decision, Finding
from pdfsluice.core.models.sessions import Session

from .opening import UNOPENED, Opener


class Policy(Protocol):
    """The decision what a finding means for the upload."""

    def decide(self, finding: Finding, session: Session) -> Decision:
        """Judge one finding. Pure and quick: it runs on the event loop."""
        ...

    def keeps_rejected(self) -> bool:
        """Return whether the bytes of rejected uploads go to quarantine."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpec:
    """Descriptor of a policy; the settings choose one by name.

    Attributes:
        policy: The policy; asked about every finding.
        variant: How it decides, for operators: the name of a preset, for example.
        open: Opens the policy when the program starts and closes it when the program ends;
            given in place of ``policy`` if the policy holds processes or connections.
    """

    name: str
    policy: Policy = UNOPENED
    open: Opener[Policy] | None = None
    variant: str = ""

    @property
    def title(self) -> str:
        """The name, with the variant if there is one: ``rules (standard)``."""
        return f"{self.name} ({self.variant})" if self.variant else self.name
