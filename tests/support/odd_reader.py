"""A child that reads pages from nowhere: the path gives number and end."""

import os
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from pdfsluice.core.documents.text.serving import CannotRead, serve_pages
from pdfsluice.core.models.documents import PageText


def read(path: Path, numbers: Iterator[int]) -> Iterator[PageText]:
    count, end = path.name.split("-")
    for number in takewhile(int(count).__ge__, numbers):
        yield PageText(number, "x" * 300_000 if end == "long" else f"text {number}")
    if end == "locked":
        raise CannotRead("it is locked")
    if end == "raise":
        raise ValueError("no more")
    if end == "die":
        os._exit(3)


if __name__ == "__main__":
    serve_pages(read)
