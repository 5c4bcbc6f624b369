"""Page numbers in words, for messages."""

from collections.abc import Iterable

_MAX_RANGES = 5


def page_ranges(numbers: Iterable[int]) -> str:
    """Return page numbers in words: ``Page 3``, ``Pages 1-4, 7 and 12 more``."""
    ranges: list[list[int]] = []
    count = 0
    for number in sorted(numbers):
        count += 1
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    items = ranges[:_MAX_RANGES]
    words = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in items)
    rest = count - sum(b - a + 1 for a, b in items)
    more = f" and {rest} more" if rest else ""
    return f"{'Page' if count == 1 else 'Pages'} {words}{more}"


def page_count(pages: int) -> str:
    """Return a number of pages in words: ``1 page``, ``12 pages``."""
    return "1 page" if pages == 1 else f"{pages} pages"
