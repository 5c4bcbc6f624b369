"""Puts together what several stages say of one file: each thing once, with all that is known.

A streaming stage knows where a thing stands in the file; a completion stage knows what
makes it run. Both name the same object of the file, and that is how they are matched.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .findings import Finding, Revision, Severity, StageReport, Unscanned

_GRAVITY = {severity: rank for rank, severity in enumerate(Severity)}


def merge_reports(reports: Sequence[StageReport]) -> StageReport:
    """Merge reports in the order in which the stages spoke; later ones know more.

    - A report that ``supersedes`` a stage replaces the findings of that stage so far.
    - A report that ``settles`` a stage makes void what that stage left unscanned.
    - A finding that another stage has already made in the same object is not repeated: the
      earlier one keeps its place and excerpt, and takes over trigger, severity and wording.
    - A finding without any place says that the file as a whole is of that kind; it adds
      nothing where another stage has found a place of that kind.
    - Later facts replace earlier ones of the same name.
    """
    merged = StageReport()
    for report in reports:
        merged = StageReport(
            findings=_merge_findings(
                (f for f in merged.findings if f.stage not in report.supersedes), report.findings
            ),
            unscanned=_merge_unscanned(
                (u for u in merged.unscanned if u.stage not in report.settles), report.unscanned
            ),
            facts={**merged.facts, **report.facts},
        )
    return merged


def _merge_findings(known: Iterable[Finding], added: Sequence[Finding]) -> tuple[Finding, ...]:
    findings = list(known)
    by_object: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    by_kind: dict[str, int] = {}
    for index, finding in enumerate(findings):
        if finding.revision is Revision.CURRENT:
            by_kind.setdefault(finding.kind, index)
            by_object[finding.kind, finding.object].append(index)
    for new in added:
        if new.object is None and new.offset is None:
            index = by_kind.get(new.kind, -1)
            if index >= 0 and findings[index].stage != new.stage:
                findings[index] = _confirmed(findings[index], new)
                continue
        same = [
            index
            for index in by_object[new.kind, new.object]
            if new.object is not None and _same(findings[index], new)
        ]
        for index in same:
            findings[index] = _joined(findings[index], new)
        if not same:
            findings.append(new)
    return tuple(findings)


def _same(known: Finding, new: Finding) -> bool:
    """Whether two findings of one kind in one object are of one thing.

    A stage knows its own things apart; only those of two stages may be the same.
    """
    return (
        known.stage != new.stage
        and new.revision is Revision.CURRENT
        and (known.trigger is None or new.trigger in (None, known.trigger))
    )


def _joined(known: Finding, new: Finding) -> Finding:
    if new.trigger is None and known.trigger is not None:
        return _confirmed(known, new)
    return replace(
        known,
        trigger=new.trigger,
        severity=new.severity,
        message=new.message,
        advice=new.advice or known.advice,
        excerpt=known.excerpt or new.excerpt,
        details={**known.details, **new.details},
    )


def _confirmed(known: Finding, new: Finding) -> Finding:
    return replace(
        known,
        severity=max(known.severity, new.severity, key=lambda s: _GRAVITY[s]),
        details={**new.details, **known.details},
    )


def _merge_unscanned(
    known: Iterable[Unscanned], added: Sequence[Unscanned]
) -> tuple[Unscanned, ...]:
    return tuple(dict.fromkeys((*known, *added)))
