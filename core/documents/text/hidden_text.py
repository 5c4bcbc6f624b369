"""Findings about text that a person cannot see."""

import re
from collections.abc import Callable, Mapping, Sequence

from pdfsluice.core.models.findings import Finding, FindingKind, Severity
from pdfsluice.core.text import printable

from .page_ranges import page_ranges

MAX_PAGES = 200
"""How many page numbers a finding lists at most."""

_PAGES = "pages"  # the key of these numbers, ascending, in the details of a finding
_MIN_WORDS = 4
_MIN_LETTERS = 8  # of scripts that are written without spaces
_WORD = re.compile(r"(?<!\S)[^\w\s]?[^\W\d_](?:[^\W\d_]|['-])+[^\w\s]{0,2}(?!\S)")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_MAX_EXCERPT = 200


def finding_of(pages: Mapping[int, str], *, stage: str) -> Finding | None:
    """Return the finding about hidden text; ``None`` if none of it is prose.

    Programs that write PDFs add single words, numbers and addresses. They are left out of
    the text as well, but are no finding.

    Args:
        pages: The hidden text of each page that has some.
        stage: What has found it.
    """
    prose = {number: text for number, text in pages.items() if _is_prose(text)}
    if not prose:
        return None
    verb = "has" if len(prose) == 1 else "have"
    excerpt = " ".join(next(iter(prose.values())).split())
    return Finding(
        kind=FindingKind.HIDDEN_TEXT,
        severity=Severity.MEDIUM,
        stage=stage,
        message=f"{page_ranges(prose)} {verb} text that a person cannot see.",
        advice="Read the excerpt. Do not let a program act on this document on its own.",
        excerpt=printable(excerpt, _MAX_EXCERPT),
        details={_PAGES: sorted(prose)[:MAX_PAGES]},
    )


def _is_prose(text: str) -> bool:
    return len(_WORD.findall(text)) >= _MIN_WORDS or len(_UNSPACED.findall(text)) >= _MIN_LETTERS


def hiding_pages(findings: Sequence[Finding]) -> Callable[[int], bool]:
    """Return a test of page numbers: whether a page may have hidden text.

    It may unless a finding excludes it: a finding that lists no page excludes none, and one
    whose list is full excludes none after the last page in it.
    """
    hiding = [each for each in findings if each.kind == FindingKind.HIDDEN_TEXT]
    lists = [each.details.get(_PAGES, ()) for each in hiding]
    numbers = {number for each in lists for number in each}
    incomplete = [max(each, default=0) for each in lists if not 0 < len(each) < MAX_PAGES]
    return lambda number: number in numbers or any(number > last for last in incomplete)
