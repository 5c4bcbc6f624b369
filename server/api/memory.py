"""How much memory this process uses."""

import resource
import sys

import psutil

MIB = 1024 * 1024
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB elsewhere


def used_memory_mb() -> float:
    """Return the resident memory in MiB; the peak on systems without ``/proc``."""
    try:
        return round(psutil.Process().memory_info().rss / MIB, 1)
    except (OSError, psutil.Error):
        return peak_memory_mb()


def peak_memory_mb() -> float:
    """Return the greatest resident memory so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * _PEAK_UNIT / MIB, 1)
