"""A child that reads pages from nowhere: the path says how many, and how it ends."""

import os
from collections.abc import Iterator
from pathlib import Path

from pdfsluice.core.extraction import serve_pages
from pdfsluice.core.models import PageText


def read(path: Path, first: int) -> Iterator[PageText]:
    count, end = path.name.split("-")
    for number in range(first, int(count) + 1):
        yield PageText(number, f"text {number}")
    if end == "raise":
        raise ValueError("no more")
    if end == "die":
        os._exit(3)


if __name__ == "__main__":
    serve_pages(read)
