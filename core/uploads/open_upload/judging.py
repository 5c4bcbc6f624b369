"""What findings mean for an upload: the policy's decision and the words for it."""

from collections.abc import Hashable, Iterable, Sequence

from pdfsluice.core.models.findings import MAX_FINDINGS, Decision, Finding
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.ports.policy import Policy


def judge(
    policy: Policy,
    session: Session,
    findings: Iterable[Finding],
    so_far: Decision = Decision.NOTE,
) -> Decision:
    """Ask the policy what findings mean; the gravest decision counts.

    The release of an upload overrules the policy about the kinds of findings that were
    known by then, and about nothing found later.
    """
    exempt = {_sort(each) for each in session.findings} if session.released else set()
    decision = so_far
    for finding in findings:
        verdict = policy.decide(finding, session)
        if _sort(finding) in exempt:
            verdict = min(verdict, Decision.FLAG)
        decision = max(decision, verdict)
    return decision


def refusal_message(
    policy: Policy, session: Session, decision: Decision, findings: Sequence[Finding]
) -> str:
    """Return the sentence for a client whose file is refused."""
    grave = [each for each in findings if policy.decide(each, session) >= decision]
    reason = grave[0].message if grave else "of its content"
    return f"The file was refused: {reason}"


def new_findings(session: Session, findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that a session does not have yet.

    Stages that read the file again after a restart find the same again.
    """
    identities = {_identity(each) for each in session.findings}
    return [each for each in findings if _identity(each) not in identities]


def with_findings(session: Session, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return a session's findings and the new ones, at most ``MAX_FINDINGS``."""
    return (*session.findings, *findings)[:MAX_FINDINGS]


def _sort(finding: Finding) -> Hashable:
    """Return the key that findings share if one release overrules all of them."""
    return finding.kind, finding.trigger


def _identity(finding: Finding) -> Hashable:
    """Return the key of a finding; a graver version of it has another one."""
    return (
        finding.stage,
        finding.kind,
        finding.severity,
        finding.offset,
        finding.object,
        finding.trigger,
        finding.revision,
        finding.message,
    )
