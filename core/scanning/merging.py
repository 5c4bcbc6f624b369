"""Merges the reports of several stages on one file: each finding once.

A streaming stage knows where a thing stands in the file; a completion stage knows what
makes it run. Both name the same object of the file, and that is how they are matched.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pdfsluice.core.models.findings import (
    Finding,
    FindingKind,
    Revision,
    StageReport,
    Trigger,
    Unscanned,
)

_Key = tuple[str, int | None]


def merge_reports(reports: Sequence[StageReport]) -> StageReport:
    """Merge reports in the order of the stages; later ones know more.

    - A report that ``supersedes`` a stage replaces the findings of that stage so far.
    - A report that ``settles`` a stage removes what that stage left unscanned, and its findings
      of the kind ``unread``.
    - A finding that another stage has already made in the same object is not repeated: the
      earlier one keeps its offset and excerpt, if it has them, and takes over trigger, severity
      and wording.
    - A finding without a position describes the file as a whole; it is joined to the first
      of its kind that another stage has found.
    - Later facts replace earlier ones of the same name.
    """
    merged = StageReport()
    for report in reports:
        merged = StageReport(
            findings=_merge_findings(
                (f for f in merged.findings if not _is_replaced(f, report)), report.findings
            ),
            unscanned=_merge_unscanned(
                (u for u in merged.unscanned if u.stage not in report.settles), report.unscanned
            ),
            facts={**merged.facts, **report.facts},
        )
    return merged


def _is_replaced(finding: Finding, report: StageReport) -> bool:
    """Return whether a later report makes an earlier finding void."""
    settled = finding.kind == FindingKind.UNREAD and finding.stage in report.settles
    return settled or finding.stage in report.supersedes


def _merge_findings(
    earlier: Iterable[Finding], additions: Sequence[Finding]
) -> tuple[Finding, ...]:
    findings = list(earlier)
    indexes = _by_object(findings)
    groups: dict[_Key, list[Finding]] = defaultdict(list)
    for new in additions:
        if new.revision is Revision.CURRENT and (new.object is not None or new.offset is None):
            groups[new.kind, new.object].append(new)
        else:
            findings.append(new)
    for key, group in groups.items():
        findings.extend(_settled(findings, indexes.get(key, ()), group))
    return tuple(findings)


def _by_object(findings: Sequence[Finding]) -> Mapping[_Key, Sequence[int]]:
    """Return the indexes of findings by kind and object; no object: the first."""
    indexes: dict[_Key, list[int]] = defaultdict(list)
    for index, finding in enumerate(findings):
        if finding.revision is Revision.CURRENT:
            if finding.object is not None:
                indexes[finding.kind, finding.object].append(index)
            indexes.setdefault((finding.kind, None), [index])
    return indexes


def _settled(
    findings: list[Finding], indexes: Iterable[int], group: Sequence[Finding]
) -> Sequence[Finding]:
    """Join a new finding with those of other stages; return what remains of it.

    Each earlier finding takes over what is now known of its trigger. If that trigger is
    not confirmed the later stage knows better, and the gravest of its findings counts.
    """
    by_trigger = {new.trigger: new for new in group}
    gravest = max(group, key=_gravity)
    offset = next((new.offset for new in group if new.offset is not None), None)
    matched: set[Trigger | None] = set()
    for index in indexes:
        earlier = findings[index]
        if earlier.stage != gravest.stage:  # a stage knows its own findings apart
            new = by_trigger.get(earlier.trigger, gravest)
            if earlier.offset is None:
                earlier = replace(earlier, offset=offset)
            findings[index] = _joined(earlier, new)
            matched.add(new.trigger)
    return [new for new in group if new.trigger not in matched]


def _joined(earlier: Finding, new: Finding) -> Finding:
    """Keep the position of one finding and the better judgement of the two."""
    if new.trigger is None and earlier.trigger is not None:
        return replace(earlier, severity=max(earlier, new, key=_gravity).severity)
    return replace(
        earlier,
        trigger=new.trigger,
        severity=new.severity,
        message=new.message,
        advice=new.advice or earlier.advice,
        excerpt=earlier.excerpt or new.excerpt,
        details={**earlier.details, **new.details},
    )


def _gravity(finding: Finding) -> int:
    return finding.severity.rank


def _merge_unscanned(
    earlier: Iterable[Unscanned], additions: Sequence[Unscanned]
) -> tuple[Unscanned, ...]:
    return tuple(dict.fromkeys((*earlier, *additions)))
