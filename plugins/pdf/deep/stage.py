"""The completion stage: turns a child's answer about a file into a report."""

from collections.abc import Sequence

from pdfsluice.core import (
    ChildFailed,
    ChildPool,
    CompletionContext,
    Finding,
    FindingKind,
    Limits,
    Revision,
    StageReport,
    Unscanned,
    path_to_text,
)
from pdfsluice.plugins.pdf.vocabulary import RawFinding
from pdfsluice.plugins.pdf.wording import to_finding

from .messages import STAGE, Inspection, unscanned
from .options import DeepOptions
from .unread import unread_parts

SETTLES = frozenset({"pdf-structure", "pdf-security"})
_GRACE = 5.0
_HIDDEN = "hidden-object"
"""The reason of a question about an object that a table leads to, and that no stage has seen."""


class DeepStage:
    """A stage for whole files, in a pool of limited children."""

    def __init__(self, options: DeepOptions) -> None:
        self._seconds = options.wall_seconds
        self._pool = ChildPool(
            "pdfsluice.plugins.pdf.deep.worker",
            Limits(
                address_space=options.memory,
                cpu_seconds=options.cpu_seconds,
                wall_seconds=options.wall_seconds + _GRACE,
                file_size=0,
                apart=True,
            ),
            arguments=(str(int(options.stream_memory)),),
            size=options.workers,
            recycle_after=options.recycle_after,
            idle_seconds=options.idle_seconds,
        )

    async def inspect(self, context: CompletionContext) -> StageReport:
        """Return what the walk found; a crash or a limit there is a finding."""
        questions = [item for item in context.session.unscanned if item.stage in SETTLES]
        request = {
            "path": path_to_text(context.path),
            "seconds": self._seconds,
            "questions": [(item.object, item.offset) for item in questions],
            "replaced": _replaced(context.session.findings),
        }
        try:
            inspection = Inspection.from_message(await self._pool.ask(request))
        except ChildFailed as failure:
            inspection = _failed(failure)
        return _report(inspection, questions, context)

    async def close(self) -> None:
        """End the child processes."""
        await self._pool.close()


def _replaced(findings: Sequence[Finding]) -> Sequence[int]:
    """Return the numbers of objects with findings to which the table does not lead."""
    earlier = (each for each in findings if each.revision is Revision.EARLIER)
    return sorted({each.object for each in earlier if each.object is not None})


def _report(
    inspection: Inspection, questions: Sequence[Unscanned], context: CompletionContext
) -> StageReport:
    remaining = [questions[index] for index in inspection.open_questions]
    entries, unread = unread_parts(inspection, questions, context.session)
    raw = [*inspection.findings, *_hidden(remaining)]
    findings = (to_finding(each, STAGE) for each in raw)
    return StageReport(
        findings=(*(each for each in findings if not _damage_is_known(each, context)), *unread),
        unscanned=(*remaining, *entries),
        facts=inspection.facts,
        settles=SETTLES if inspection.complete else frozenset(),
    )


def _hidden(questions: Sequence[Unscanned]) -> Sequence[RawFinding]:
    """Report an object at a position that no honest program uses."""
    hidden = [question.object for question in questions if question.reason == _HIDDEN]
    kind = FindingKind.MALFORMED
    return [RawFinding(kind=kind, object=number, subject="hidden") for number in hidden[:1]]


def _damage_is_known(finding: Finding, context: CompletionContext) -> bool:
    """Return whether a finding is damage that an earlier stage has located already."""
    return finding.kind == FindingKind.MALFORMED and any(
        earlier.kind == finding.kind
        and earlier.revision is Revision.CURRENT
        and earlier.severity.rank >= finding.severity.rank
        for earlier in context.session.findings
    )


def _failed(failure: ChildFailed) -> Inspection:
    if failure.over_limit:
        finding = RawFinding(kind=FindingKind.RESOURCE_LIMIT, subject=failure.reason)
        message = f"The inspection went over a limit ({failure.reason})."
        return Inspection(
            findings=[finding], unscanned=[unscanned(reason="limit", message=message)]
        )
    finding = RawFinding(kind=FindingKind.MALFORMED, subject="crashed")
    message = "The inspection could not be finished."
    return Inspection(findings=[finding], unscanned=[unscanned(reason="crashed", message=message)])
