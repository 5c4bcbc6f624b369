"""The completion stage: asks a child about the file, and turns the answer into a report."""

from collections.abc import Sequence

from pdfsluice.core.findings import (
    Finding,
    FindingKind,
    Revision,
    StageReport,
    Unscanned,
)
from pdfsluice.core.plugins.ports.stages import CompletionContext
from pdfsluice.core.processes.child import ChildFailed, Limits, path_to_text
from pdfsluice.core.processes.pool import ChildPool

from .options import DeepOptions
from .sightings import Blind, Sighting, Survey
from .wording import to_finding

NAME = "pdf-deep"
SETTLES = frozenset({"pdf-structure", "pdf-security"})
_GRACE = 5.0
_HIDDEN = "hidden-object"
"""The reason of a doubt about an object that a table leads to, and that no stage has seen."""


class DeepStage:
    """Inspects whole files in a pool of limited children."""

    def __init__(self, options: DeepOptions) -> None:
        self._seconds = options.wall_seconds
        self._pool = ChildPool(
            "pdfsluice.plugins.deep.worker",
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
        doubts = [item for item in context.session.unscanned if item.stage in SETTLES]
        request = {
            "path": path_to_text(context.path),
            "seconds": self._seconds,
            "doubts": [(item.object, item.offset) for item in doubts],
        }
        try:
            survey = Survey.from_message(await self._pool.ask(request))
        except ChildFailed as failure:
            survey = _failed(failure)
        return _report(survey, doubts, context)

    async def close(self) -> None:
        """End the children."""
        await self._pool.close()


def _report(survey: Survey, doubts: Sequence[Unscanned], context: CompletionContext) -> StageReport:
    remaining = [doubts[index] for index in survey.open_doubts]
    sightings = [*survey.sightings, *_hidden(remaining)]
    findings = (to_finding(sighting, NAME) for sighting in sightings)
    return StageReport(
        findings=tuple(found for found in findings if not _damage_is_known(found, context)),
        unscanned=(*remaining, *map(_unscanned, survey.blind)),
        facts=survey.facts,
        settles=SETTLES if survey.complete else frozenset(),
    )


def _hidden(doubts: Sequence[Unscanned]) -> Sequence[Sighting]:
    """Say that there is an object where none belongs, if so: no honest program puts it there."""
    hidden = [doubt.object for doubt in doubts if doubt.reason == _HIDDEN]
    kind = FindingKind.MALFORMED
    return [Sighting(kind=kind, object=number, subject="hidden") for number in hidden[:1]]


def _unscanned(blind: Blind) -> Unscanned:
    return Unscanned(stage=NAME, reason=blind.reason, message=blind.message, object=blind.object)


def _damage_is_known(found: Finding, context: CompletionContext) -> bool:
    """Whether this is damage, and an earlier stage has told what and where it is."""
    return found.kind == FindingKind.MALFORMED and any(
        known.kind == found.kind
        and known.revision is Revision.CURRENT
        and known.severity.rank >= found.severity.rank
        for known in context.session.findings
    )


def _failed(failure: ChildFailed) -> Survey:
    if failure.over_limit:
        seen = Sighting(kind=FindingKind.RESOURCE_LIMIT, subject=failure.reason)
        message = f"The inspection went over a limit ({failure.reason})."
        return Survey(sightings=[seen], blind=[Blind(reason="limit", message=message)])
    seen = Sighting(kind=FindingKind.MALFORMED, subject="crashed")
    message = "The inspection could not be finished."
    return Survey(sightings=[seen], blind=[Blind(reason="crashed", message=message)])
