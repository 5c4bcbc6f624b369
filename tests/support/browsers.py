"""Finds the browser that drives pages and prints documents."""

import os
import shutil

_NAMES = (
    "chromium-headless-shell",  # the same engine; it starts in a third of the CPU time
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)


def find_browser() -> str | None:
    """Return the path of a Chromium, or ``None``; ``PDFSLUICE_CHROMIUM`` may name it."""
    named = os.environ.get("PDFSLUICE_CHROMIUM")
    candidates = (named,) if named else _NAMES
    return next(filter(None, map(shutil.which, candidates)), None)
