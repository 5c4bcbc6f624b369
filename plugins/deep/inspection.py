"""Inspects one file from its header to its last object; runs in the child."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pikepdf
from pdfsluice.core.findings import FindingKind
from pikepdf import Pdf

from .attachments import Attachments
from .budget import Budget, OutOfTimeError
from .damage import damages, exceeds_memory
from .facts import facts_of
from .sightings import Blind, Sighting, Survey
from .triggers import Triggers, find_triggers
from .walk import Walk, open_pdf

MOST_OF_A_KIND = 200
"""Sightings of one kind that are reported; a file may have a million links."""

_TRIGGERED = frozenset(
    {
        FindingKind.JAVASCRIPT,
        FindingKind.LAUNCH,
        FindingKind.EXTERNAL_REFERENCES_URI,
        FindingKind.SUBMIT_FORM,
        FindingKind.GOTO_REMOTE,
        FindingKind.IMPORT_DATA,
        FindingKind.RICH_MEDIA,
    }
)


def inspect(path: Path, seconds: float) -> Survey:
    """Open a file and look at all there is in it; what goes wrong is part of the survey."""
    survey = Survey()
    try:
        pdf = open_pdf(path)
    except pikepdf.PasswordError:
        _needs_password(survey)
    except pikepdf.PdfError as error:
        _unopenable(survey, error, path)
    else:
        with pdf:
            _look_into(pdf, path, Budget(seconds), survey)
    return survey


def _look_into(pdf: Pdf, path: Path, budget: Budget, survey: Survey) -> None:
    seen: list[Sighting] = []
    errors: list[str] = []
    attachments = Attachments()
    triggers: Triggers = {}
    if pdf.is_encrypted:
        seen.append(Sighting(kind=FindingKind.ENCRYPTED, subject="opened"))
    try:
        survey.facts = facts_of(pdf)
    except pikepdf.PdfError as error:
        errors.append(str(error))
    try:
        for item in Walk(path, attachments, budget).sightings(pdf):
            if isinstance(item, Sighting):
                seen.append(item)
            else:
                errors.append(str(item))
        if any(sighting.kind in _TRIGGERED for sighting in seen):
            triggers = find_triggers(pdf, budget)
        for found in attachments.examine(budget):
            if isinstance(found, Sighting):
                seen.append(found)
            else:
                survey.blind.append(found)
        survey.complete = True
    except OutOfTimeError:
        survey.blind.append(Blind(reason="limit", message="The file was not walked to its end."))
        seen.append(Sighting(kind=FindingKind.RESOURCE_LIMIT, subject="time"))
    warnings = [*errors, *(str(warning) for warning in pdf.get_warnings())]
    survey.sightings = _bounded([*_distinct(seen, triggers), *_damaged(warnings, path)])


def _distinct(seen: list[Sighting], triggers: Triggers) -> list[Sighting]:
    """Leave out repetitions, and tell the triggers: one sighting for each."""
    distinct: dict[tuple[object, ...], Sighting] = {}
    for sighting in seen:
        known = triggers.get((sighting.kind, sighting.object or 0), frozenset())
        for trigger in sorted(known) if sighting.trigger is None and known else [sighting.trigger]:
            key = (sighting.kind, sighting.object, trigger, sighting.subject)
            distinct.setdefault(key, replace(sighting, trigger=trigger))
    return list(distinct.values())


def _bounded(seen: list[Sighting]) -> list[Sighting]:
    """Keep the first of each kind and trigger; what runs by itself is never crowded out."""
    counts: dict[tuple[object, object], int] = defaultdict(int)
    kept: list[Sighting] = []
    for sighting in seen:
        key = (sighting.kind, sighting.trigger)
        counts[key] += 1
        if counts[key] <= MOST_OF_A_KIND:
            kept.append(sighting)
    return kept


def _damaged(warnings: list[str], path: Path) -> list[Sighting]:
    seen: list[Sighting] = []
    if exceeds_memory(warnings):
        seen.append(Sighting(kind=FindingKind.RESOURCE_LIMIT, subject="memory"))
    for text, number in damages(warnings, str(path))[:1]:
        seen.append(
            Sighting(kind=FindingKind.MALFORMED, object=number, subject="repaired", excerpt=text)
        )
    return seen


def _needs_password(survey: Survey) -> None:
    survey.sightings = [Sighting(kind=FindingKind.ENCRYPTED, subject="password")]
    survey.blind = [
        Blind(
            reason="password",
            message="The file opens only with a password; nothing inside it could be checked.",
        )
    ]


def _unopenable(survey: Survey, error: pikepdf.PdfError, path: Path) -> None:
    text = str(error)
    if "encryption" in text:
        survey.sightings = [Sighting(kind=FindingKind.ENCRYPTED, subject="unknown")]
        message = "The file is encrypted in a way that is not supported; it could not be checked."
        survey.blind = [Blind(reason="unknown-encryption", message=message)]
        return
    found = damages([text], str(path)) or [(text, None)]
    survey.sightings = [
        Sighting(kind=FindingKind.MALFORMED, subject="unopenable", excerpt=found[0][0])
    ]
    survey.blind = [
        Blind(reason="malformed", message="The file cannot be opened; it could not be checked.")
    ]
