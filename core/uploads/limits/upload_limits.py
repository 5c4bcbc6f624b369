"""Limits on the uploads of one process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """Limits that tests lower, and no setting changes.

    Attributes:
        max_open_early: How many uploads may be open before a new one waits for its first
            bytes to be opened: each holds a file open.
        max_ranges: Most separate committed ranges of one upload.
        first_pause_seconds: Time until stages start again after a passing fault; doubled after
            each further one.
    """

    max_open_early: int = 256
    max_ranges: int = 10_000
    first_pause_seconds: float = 1.0


DEFAULT_UPLOAD_LIMITS = UploadLimits()
