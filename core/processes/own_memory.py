"""The memory of the process that asks."""

import os
from pathlib import Path

_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    try:
        pages = _STATM.read_bytes().split()[1]
    except OSError:  # no Linux
        import psutil  # noqa: PLC0415 - it takes longer to import than a page to read

        return int(psutil.Process().memory_info().rss)
    return int(pages) * _PAGE_BYTES
