"""The pages of a document that have text which a person cannot see."""

from collections.abc import Callable, Sequence

from pdfsluice.core.findings import Finding, FindingKind

MAX_PAGES = 200
"""How many page numbers a finding about hidden text lists at most."""

PAGES = "pages"
"""The key of these numbers, ascending, in the details of the finding."""


def hiding_pages(findings: Sequence[Finding]) -> Callable[[int], bool]:
    """Return what reports whether a page is known to have hidden text, by its number.

    Pages that a finding does not exclude count as such: all pages if it lists none, and those
    after the last one of a list that is full.
    """
    lists = [
        each.details.get(PAGES, ()) for each in findings if each.kind == FindingKind.HIDDEN_TEXT
    ]
    numbers = {number for each in lists for number in each}
    incomplete = [max(each, default=0) for each in lists if not 0 < len(each) < MAX_PAGES]
    return lambda number: number in numbers or any(number > last for last in incomplete)
