"""What is in the directories of a store. Blocking."""

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from .layout import Layout

_MAX_YOUNG_SECONDS = 24 * 3600.0


def all_files(layout: Layout) -> Iterator["os.DirEntry[str]"]:
    """Yield all files of the store, of whatever kind."""
    for directory in (layout.uploads, layout.quarantine):
        with os.scandir(directory) as entries:
            yield from entries
    yield from _document_files(layout)


def _document_files(layout: Layout) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(layout.documents) as directories:
        names = [entry.path for entry in directories if entry.is_dir(follow_symlinks=False)]
    for name in names:
        with os.scandir(name) as entries:
            yield from entries


def published_ids(layout: Layout) -> Sequence[str]:
    """Return the ids of all documents."""
    ids = (layout.document_id(entry.name) for entry in _document_files(layout))
    return [blob_id for blob_id in ids if blob_id is not None]


def partial_files(layout: Layout) -> Mapping[str, os.stat_result]:
    """Return the files of all partial blobs, by their ids."""
    files = {}
    with os.scandir(layout.uploads) as entries:
        for entry in entries:
            blob_id = layout.partial_id(entry.name)
            if blob_id is not None:
                with suppress(FileNotFoundError):  # published or deleted just now
                    files[blob_id] = entry.stat(follow_symlinks=False)
    return files


def unchanged_partial_ids(layout: Layout, min_age: float) -> Sequence[str]:
    """Return the ids of partial blobs that were not changed for ``min_age`` seconds."""
    limit = time.time() - min_age if min_age > 0 else math.inf
    return [blob_id for blob_id, file in partial_files(layout).items() if file.st_mtime <= limit]


def is_young(entry: "os.DirEntry[str]") -> bool:
    """Return whether another process may still write an unfinished copy."""
    try:
        return entry.stat(follow_symlinks=False).st_mtime > time.time() - _MAX_YOUNG_SECONDS
    except FileNotFoundError:
        return True
