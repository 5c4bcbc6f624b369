"""Inspects one file from its header to its last object; runs in the child."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pikepdf
from pikepdf import Pdf

from pdfsluice.core import FindingKind, Unscanned
from pdfsluice.plugins.pdf.vocabulary import OpenQuestion, RawFinding

from .attachments import AttachedPdf, Attachments
from .budget import DEFAULT_OBJECTS, Budget, OutOfTimeError
from .damage import damages, exceeds_memory
from .facts import facts_of
from .freed import reachable_free_objects, rebuilding_opener
from .hybrid import hides_objects
from .messages import OBJECT_STREAM, UNOPENABLE, Inspection, unscanned
from .nested import (
    Nesting,
    findings_within,
    not_looked_into,
    opens_attachments,
    unscanned_within,
)
from .open_questions import remaining_questions
from .opening import Source, drops, openers
from .partial_encryption import opener_in_the_clear
from .repairing import repaired_opener
from .triggers import Triggers, find_triggers
from .walk import Opener, Walk

MAX_OF_A_KIND = 200
"""Ledger of one kind that are reported; a file may have a million links."""

MAX_UNSCANNED = 50
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


def inspect(
    path: Path,
    seconds: float,
    questions: Sequence[OpenQuestion] = (),
    replaced: Collection[int] = (),
    *,
    max_objects: int = DEFAULT_OBJECTS,
) -> Inspection:
    """Open and inspect a whole file; errors become part of the inspection.

    Args:
        path: The file.
        seconds: How long it may take.
        questions: What an earlier stage could not see.
        replaced: Numbers of objects in which it saw what the file's table does not lead to.
        max_objects: How many objects are kept in memory before the file is reopened.
    """
    budget = Budget(seconds, max_objects)
    inspection = _inspect(path, budget, Nesting(), questions)
    if replaced and inspection.complete:
        inspection.findings += _findings_in_free_objects(path, replaced, budget)
    return inspection


def _findings_in_free_objects(
    path: Path, numbers: Collection[int], budget: Budget
) -> list[RawFinding]:
    """Return the findings in objects that are marked as free but referred to."""
    try:
        free = reachable_free_objects(path, numbers, budget)
    except (pikepdf.PikepdfError, OutOfTimeError):
        return []
    if not free:
        return []
    rebuilt = _opened(rebuilding_opener(path), path, budget, Nesting(), ())
    return [
        finding
        for finding in rebuilt.findings
        if (finding.object if finding.within is None else finding.within.object) in free
    ]


def _inspect(
    source: Source, budget: Budget, nesting: Nesting, questions: Sequence[OpenQuestion] = ()
) -> Inspection:
    inspection = Inspection()
    for opens in openers(source):
        inspection = _opened(opens, source, budget, nesting, questions)
        if not inspection.dropped or not inspection.complete:
            break
    if inspection.hides_objects or _needs_repair(inspection):
        return _repaired(source, budget, nesting, questions) or inspection
    return inspection


def _needs_repair(inspection: Inspection) -> bool:
    return any(item.reason in (UNOPENABLE, OBJECT_STREAM) for item in inspection.unscanned)


def _repaired(
    source: Source, budget: Budget, nesting: Nesting, questions: Sequence[OpenQuestion]
) -> Inspection | None:
    """Inspect a repaired copy of a file; ``None`` if that is not possible either."""
    opens = repaired_opener(source)
    if opens is None:
        return None
    inspection = _opened(opens, source, budget, nesting, questions)
    whole = inspection.complete and not inspection.dropped and not inspection.hides_objects
    if not whole or _needs_repair(inspection):
        return None
    inspection.repaired = True
    return inspection


def _opened(
    opens: Opener,
    source: Source,
    budget: Budget,
    nesting: Nesting,
    questions: Sequence[OpenQuestion],
) -> Inspection:
    locked = False
    try:
        pdf = opens()
    except pikepdf.PasswordError:
        in_the_clear = opener_in_the_clear(source)
        if in_the_clear is None:
            return _needs_password()
        opens, locked = in_the_clear, True
        try:
            pdf = opens()
        except pikepdf.PikepdfError:
            return _needs_password()
    except pikepdf.PikepdfError as error:
        return _unopenable(error, source)
    with pdf:
        look = _Look(pdf, opens, source, budget, nesting, attachments_locked=locked)
        return look.inspection(questions)


class _Look:
    """The inspection of an open file."""

    def __init__(
        self,
        pdf: Pdf,
        opens: Opener,
        source: Source,
        budget: Budget,
        nesting: Nesting,
        *,
        attachments_locked: bool,
    ) -> None:
        self._pdf = pdf
        self._attachments_locked = attachments_locked
        self._source = source
        self._budget = budget
        self._nesting = nesting
        self._attachments = Attachments()
        self._walk = Walk(opens, self._attachments, budget)
        self._seen: list[RawFinding] = []
        self._warnings: list[str] = []
        self._triggers: Triggers = {}
        self._inspection = Inspection(facts=facts_of(pdf))

    def inspection(self, questions: Sequence[OpenQuestion]) -> Inspection:
        """Inspect as much of the file as time allows."""
        if self._attachments_locked:
            self._seen.append(RawFinding(kind=FindingKind.ENCRYPTED, subject="attachments"))
        elif self._pdf.is_encrypted:
            self._seen.append(RawFinding(kind=FindingKind.ENCRYPTED, subject="opened"))
        try:
            self._inspection.facts["page_count"] = len(self._pdf.pages)
        except (pikepdf.PikepdfError, ValueError, TypeError) as error:
            self._warnings.append(str(error))
        try:
            self._look(questions)
            self._inspection.complete = True
            self._inspection.hides_objects = hides_objects(self._source, self._pdf)
            if isinstance(self._source, Path):
                self._inspection.open_questions = remaining_questions(
                    self._source, questions, self._walk.offsets
                )
        except OutOfTimeError:
            self._not_seen("limit", "The file was not walked to its end.")
            self._seen.append(RawFinding(kind=FindingKind.RESOURCE_LIMIT, subject="time"))
        self._warnings += map(str, self._pdf.get_warnings())
        if drops(self._warnings):
            self._inspection.dropped = True
            message = "An object has a number that is impossible in this file; it was not checked."
            self._not_seen("impossible-number", message)
        self._inspection.findings = _bounded(
            [*_distinct(self._seen, self._triggers), *_damaged(self._warnings, self._source)]
        )
        return self._inspection

    def _look(self, questions: Sequence[OpenQuestion]) -> None:
        for item in self._walk.findings(self._pdf):
            if isinstance(item, RawFinding):
                self._seen.append(item)
            else:
                self._warnings.append(item.text)
        if any(finding.kind in _TRIGGERED for finding in self._seen):
            self._find_triggers()
        for result in self._attachments.examine(
            self._pdf, self._budget, encrypted=self._attachments_locked
        ):
            if isinstance(result, RawFinding):
                self._seen.append(result)
            elif isinstance(result, Unscanned):
                self._inspection.unscanned.append(result)
            else:
                self._look_into(result)
        for number in self._walk.unread:
            self._not_seen("unreadable", "An object cannot be read; it was not checked.", number)
        self._warnings += map(str, self._pdf.get_warnings())
        suspects = {number for number, _ in questions if number is not None}
        if self._warnings or suspects:
            for number in self._walk.unreadable(self._pdf, suspects):
                message = "An object stream cannot be read; what is in it was not checked."
                self._not_seen(OBJECT_STREAM, message, number)

    def _look_into(self, attached: AttachedPdf) -> None:
        """Inspect an attached PDF like the file itself, and report what is seen there."""
        if not self._nesting.take(attached):
            self._inspection.unscanned.append(not_looked_into(attached))
            return
        self._nesting.depth += 1
        inspection = _inspect(attached.content, self._budget, self._nesting)
        self._nesting.depth -= 1
        offset = self._walk.offsets.get(attached.object)
        opens = opens_attachments(self._triggers)
        self._seen.extend(findings_within(attached, inspection, offset, opens=opens))
        self._inspection.unscanned.extend(unscanned_within(attached, inspection))

    def _find_triggers(self) -> None:
        try:
            self._triggers = find_triggers(self._pdf, self._budget)
        except (pikepdf.PikepdfError, ValueError, TypeError):
            self._not_seen("unreadable", "It could not be found out what makes the actions run.")

    def _not_seen(self, reason: str, message: str, number: int | None = None) -> None:
        if len(self._inspection.unscanned) < MAX_UNSCANNED:
            self._inspection.unscanned.append(unscanned(reason, message, number))


def _distinct(findings: list[RawFinding], triggers: Triggers) -> list[RawFinding]:
    """Leave out repetitions, and add the triggers: one finding for each."""
    distinct: dict[tuple[object, ...], RawFinding] = {}
    for finding in findings:
        causes = triggers.get((finding.kind, finding.object or 0), frozenset())
        if finding.within is not None:  # its trigger is that of its own document
            causes = frozenset()
        for trigger in sorted(causes) if finding.trigger is None and causes else [finding.trigger]:
            key = (finding.kind, finding.object, trigger, finding.subject, finding.within)
            distinct.setdefault(key, replace(finding, trigger=trigger))
    return list(distinct.values())


def _bounded(findings: list[RawFinding]) -> list[RawFinding]:
    """Keep the first of each kind and trigger, and all that runs by itself."""
    counts: dict[tuple[object, ...], int] = defaultdict(int)
    first: list[RawFinding] = []
    for finding in findings:
        key = (finding.kind, finding.trigger, finding.within is None)
        counts[key] += 1
        if counts[key] <= MAX_OF_A_KIND:
            first.append(finding)
    return first


def _damaged(warnings: list[str], source: Source) -> list[RawFinding]:
    findings: list[RawFinding] = []
    if exceeds_memory(warnings):
        findings.append(RawFinding(kind=FindingKind.RESOURCE_LIMIT, subject="memory"))
    for text, number in damages(warnings, _path(source))[:1]:
        findings.append(
            RawFinding(kind=FindingKind.MALFORMED, object=number, subject="repaired", excerpt=text)
        )
    return findings


def _needs_password() -> Inspection:
    message = "The file opens only with a password; nothing inside it could be checked."
    return Inspection(
        findings=[RawFinding(kind=FindingKind.ENCRYPTED, subject="password")],
        unscanned=[unscanned(reason="password", message=message)],
    )


def _path(source: Source) -> str:
    """Return what qpdf calls a file in its messages."""
    return str(source) if isinstance(source, Path) else ""


def _unopenable(error: pikepdf.PikepdfError, source: Source) -> Inspection:
    text = str(error)
    if "encryption" in text:
        message = "The file is encrypted in a way that is not supported; it could not be checked."
        return Inspection(
            findings=[RawFinding(kind=FindingKind.ENCRYPTED, subject="unknown")],
            unscanned=[unscanned(reason="unknown-encryption", message=message)],
        )
    sentence, _ = (damages([text], _path(source)) or [(text, None)])[0]
    message = "The file cannot be opened; it could not be checked."
    return Inspection(
        findings=[RawFinding(kind=FindingKind.MALFORMED, subject="unopenable", excerpt=sentence)],
        unscanned=[unscanned(reason=UNOPENABLE, message=message)],
    )
