"""The child processes that do untrusted work (``core/processes/child.py``)."""

import psutil


def workers() -> list[psutil.Process]:
    """Return those that run now, without the servers and browsers of other tests."""
    return [child for child in psutil.Process().children() if "-P" in command(child)]


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []


def resident(process: psutil.Process) -> int:
    """Return the resident memory in bytes; 0 where the process has just ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
