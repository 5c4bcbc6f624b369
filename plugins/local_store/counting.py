"""What is in the directories of a store that several processes use."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress

from .layout import Layout

_MAX_YOUNG_SECONDS = 24 * 3600.0


def partial_files(layout: Layout) -> Mapping[str, os.stat_result]:
    """Return the files of all partial blobs, by their ids. Blocking."""
    files = {}
    with os.scandir(layout.uploads) as entries:
        for entry in entries:
            blob_id = layout.partial_id(entry.name)
            if blob_id is not None:
                with suppress(FileNotFoundError):  # published or deleted just now
                    files[blob_id] = entry.stat(follow_symlinks=False)
    return files


def is_young(entry: "os.DirEntry[str]") -> bool:
    """Return whether another process may still write an unfinished copy."""
    try:
        return entry.stat(follow_symlinks=False).st_mtime > time.time() - _MAX_YOUNG_SECONDS
    except FileNotFoundError:
        return True
