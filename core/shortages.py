"""Exceptions that report a shortage of the machine, not a property of a file.

An upload with acknowledged bytes ends by a verdict on its content, by its client or by its
age. It never ends because no descriptor, thread or memory was left.
"""

from .errors import Overloaded

_RETRY_SECONDS = 5.0
_NO_THREAD = "can't start new thread"
"""How CPython reports that the system refuses another thread (a plain ``RuntimeError``)."""


def is_shortage(error: BaseException) -> bool:
    """Return whether an exception reports the state of the machine, not of the data."""
    if isinstance(error, OSError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _NO_THREAD in str(error)


def retry_later(error: BaseException, action: str) -> Overloaded:
    """Return the retryable error for work that failed without a verdict.

    Args:
        error: What was raised.
        action: What could not be done, to follow "The server could not".
    """
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    return Overloaded(
        f"The server could not {action} ({reason}).",
        retry_after=_RETRY_SECONDS,
        hint="Try again in a moment. Acknowledged bytes are kept.",
    )
