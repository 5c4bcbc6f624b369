"""Inspects one file from its header to its last object; runs in the child."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pikepdf
from pikepdf import Pdf

from pdfsluice.core.findings import FindingKind

from .attachments import AttachedPdf, Attachments
from .budget import Budget, OutOfTimeError
from .damage import damages, exceeds_memory
from .doubts import open_doubts
from .facts import facts_of
from .nested import (
    Nesting,
    blind_within,
    not_looked_into,
    opens_attachments,
    sightings_within,
)
from .opening import Source, drops, openers
from .sightings import (
    Blind,
    Doubt,
    Sighting,
    Survey,
)
from .triggers import Triggers, find_triggers
from .walk import Opener, Walk

MOST_OF_A_KIND = 200
"""Sightings of one kind that are reported; a file may have a million links."""

MOST_BLIND = 50
"""Entries about what could not be looked into."""

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


def inspect(path: Path, seconds: float, doubts: Sequence[Doubt] = ()) -> Survey:
    """Open a file and look at all there is in it; what goes wrong is part of the survey.

    Args:
        path: The file.
        seconds: How long it may take.
        doubts: What an earlier stage could not see.
    """
    return _inspect(path, Budget(seconds), Nesting(), doubts)


def _inspect(
    source: Source, budget: Budget, nesting: Nesting, doubts: Sequence[Doubt] = ()
) -> Survey:
    survey = Survey()
    for opens in openers(source):
        survey = _survey(opens, source, budget, nesting, doubts)
        if not survey.dropped or not survey.complete:
            break
    return survey


def _survey(
    opens: Opener, source: Source, budget: Budget, nesting: Nesting, doubts: Sequence[Doubt]
) -> Survey:
    try:
        pdf = opens()
    except pikepdf.PasswordError:
        return _needs_password()
    except pikepdf.PikepdfError as error:
        return _unopenable(error, source)
    with pdf:
        return _Look(pdf, opens, source, budget, nesting).survey(doubts)


class _Look:
    """A look into an open file."""

    def __init__(
        self, pdf: Pdf, opens: Opener, source: Source, budget: Budget, nesting: Nesting
    ) -> None:
        self._pdf = pdf
        self._source = source
        self._budget = budget
        self._nesting = nesting
        self._attachments = Attachments()
        self._walk = Walk(opens, self._attachments, budget)
        self._seen: list[Sighting] = []
        self._warnings: list[str] = []
        self._triggers: Triggers = {}
        self._survey = Survey(facts=facts_of(pdf))

    def survey(self, doubts: Sequence[Doubt]) -> Survey:
        """Look at everything, or at as much as there is time for."""
        if self._pdf.is_encrypted:
            self._seen.append(Sighting(kind=FindingKind.ENCRYPTED, subject="opened"))
        try:
            self._survey.facts["page_count"] = len(self._pdf.pages)
        except (pikepdf.PikepdfError, ValueError, TypeError) as error:
            self._warnings.append(str(error))
        try:
            self._look()
            self._survey.complete = True
            if isinstance(self._source, Path):
                self._survey.open_doubts = open_doubts(self._source, doubts, self._walk.places)
        except OutOfTimeError:
            self._blind("limit", "The file was not walked to its end.")
            self._seen.append(Sighting(kind=FindingKind.RESOURCE_LIMIT, subject="time"))
        self._warnings += map(str, self._pdf.get_warnings())
        if drops(self._warnings):
            self._survey.dropped = True
            message = "An object has a number that is impossible in this file; it was not checked."
            self._blind("impossible-number", message)
        self._survey.sightings = _bounded(
            [*_distinct(self._seen, self._triggers), *_damaged(self._warnings, self._source)]
        )
        return self._survey

    def _look(self) -> None:
        for item in self._walk.sightings(self._pdf):
            if isinstance(item, Sighting):
                self._seen.append(item)
            else:
                self._warnings.append(item.text)
        if any(sighting.kind in _TRIGGERED for sighting in self._seen):
            self._find_triggers()
        for found in self._attachments.examine(self._pdf, self._budget):
            if isinstance(found, Sighting):
                self._seen.append(found)
            elif isinstance(found, Blind):
                self._survey.blind.append(found)
            else:
                self._look_into(found)
        for number in self._walk.unread:
            self._blind("unreadable", "An object cannot be read; it was not checked.", number)
        self._warnings += map(str, self._pdf.get_warnings())
        if self._warnings:
            for number in self._walk.unreadable(self._pdf):
                message = "An object stream cannot be read; what is in it was not checked."
                self._blind("object-stream", message, number)

    def _look_into(self, attached: AttachedPdf) -> None:
        """Inspect an attached PDF like the file itself; what is seen there is told as its own."""
        if not self._nesting.take(attached):
            self._survey.blind.append(not_looked_into(attached))
            return
        self._nesting.depth += 1
        survey = _inspect(attached.content, self._budget, self._nesting)
        self._nesting.depth -= 1
        offset = self._walk.places.get(attached.object)
        opens = opens_attachments(self._triggers)
        self._seen.extend(sightings_within(attached, survey, offset, opens=opens))
        self._survey.blind.extend(blind_within(attached, survey))

    def _find_triggers(self) -> None:
        try:
            self._triggers = find_triggers(self._pdf, self._budget)
        except (pikepdf.PikepdfError, ValueError, TypeError):
            self._blind("unreadable", "It could not be found out what makes the actions run.")

    def _blind(self, reason: str, message: str, number: int | None = None) -> None:
        if len(self._survey.blind) < MOST_BLIND:
            self._survey.blind.append(Blind(reason=reason, message=message, object=number))


def _distinct(seen: list[Sighting], triggers: Triggers) -> list[Sighting]:
    """Leave out repetitions, and tell the triggers: one sighting for each."""
    distinct: dict[tuple[object, ...], Sighting] = {}
    for sighting in seen:
        known = triggers.get((sighting.kind, sighting.object or 0), frozenset())
        if sighting.within is not None:  # its trigger is that of its own document
            known = frozenset()
        for trigger in sorted(known) if sighting.trigger is None and known else [sighting.trigger]:
            key = (sighting.kind, sighting.object, trigger, sighting.subject, sighting.within)
            distinct.setdefault(key, replace(sighting, trigger=trigger))
    return list(distinct.values())


def _bounded(seen: list[Sighting]) -> list[Sighting]:
    """Keep the first of each kind and trigger; what runs by itself is never crowded out."""
    counts: dict[tuple[object, ...], int] = defaultdict(int)
    kept: list[Sighting] = []
    for sighting in seen:
        key = (sighting.kind, sighting.trigger, sighting.within is None)
        counts[key] += 1
        if counts[key] <= MOST_OF_A_KIND:
            kept.append(sighting)
    return kept


def _damaged(warnings: list[str], source: Source) -> list[Sighting]:
    seen: list[Sighting] = []
    if exceeds_memory(warnings):
        seen.append(Sighting(kind=FindingKind.RESOURCE_LIMIT, subject="memory"))
    for text, number in damages(warnings, _path(source))[:1]:
        seen.append(
            Sighting(kind=FindingKind.MALFORMED, object=number, subject="repaired", excerpt=text)
        )
    return seen


def _needs_password() -> Survey:
    message = "The file opens only with a password; nothing inside it could be checked."
    return Survey(
        sightings=[Sighting(kind=FindingKind.ENCRYPTED, subject="password")],
        blind=[Blind(reason="password", message=message)],
    )


def _path(source: Source) -> str:
    """Return what qpdf calls a file in its messages."""
    return str(source) if isinstance(source, Path) else ""


def _unopenable(error: pikepdf.PikepdfError, source: Source) -> Survey:
    text = str(error)
    if "encryption" in text:
        message = "The file is encrypted in a way that is not supported; it could not be checked."
        return Survey(
            sightings=[Sighting(kind=FindingKind.ENCRYPTED, subject="unknown")],
            blind=[Blind(reason="unknown-encryption", message=message)],
        )
    told, _ = (damages([text], _path(source)) or [(text, None)])[0]
    message = "The file cannot be opened; it could not be checked."
    return Survey(
        sightings=[Sighting(kind=FindingKind.MALFORMED, subject="unopenable", excerpt=told)],
        blind=[Blind(reason="malformed", message=message)],
    )
