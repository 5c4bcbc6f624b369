"""What an error of the database driver means for pdfsluice."""

import logging
import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from pdfsluice.core import Overloaded, PdfsluiceError, StorageFailed, StorageFull

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 6
"""Attempts of a transaction that may succeed if it is repeated."""
RETRY_SECONDS = 0.05

DAMAGED_HINT = (
    "Stop the server, keep a copy of the file together with its '-wal' file, and restore a backup "
    "or salvage it with 'sqlite3 FILE .recover'; uploads and documents themselves are not touched."
)
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_PAGE_ERROR = re.compile(r"error code=(\d+)")
_MAX_PROBED_BYTES = 256 << 20
_PROBE_STEP = 1 << 20
_PRIMARY_CODE = 0xFF  # the low byte of SQLite's extended result codes


@contextmanager
def explained(location: str) -> Generator[None]:
    """Raise errors of the driver as errors of pdfsluice.

    Args:
        location: The database, for people; without a password.

    Raises:
        StorageFull: The disk is full.
        StorageFailed: The database cannot be reached, written or read, or is damaged.
        Overloaded: Another process holds the database for too long.
    """
    try:
        yield
    except DBAPIError as error:
        raise meaning(error, location) from error


@contextmanager
def located(location: str) -> Generator[None]:
    """Name the database in the errors of a start, whose reader is the operator."""
    try:
        yield
    except PdfsluiceError as error:
        if location not in error.message:
            error.message = f"{error.message} It is {location}."
            error.args = (error.message,)
        raise


def is_damage(error: DBAPIError) -> bool:
    """Return whether SQLite reports a damaged file.

    It also reports that for a single read that failed (``SQLITE_IOERR_CORRUPTFS``).
    """
    return _name(error).startswith(_DAMAGED)


def is_deadlock(error: DBAPIError) -> bool:
    """Return whether PostgreSQL ended one of two that waited for each other."""
    return getattr(error.orig, "sqlstate", "") == "40P01"


def is_read_error(verdict: str) -> bool:
    """Return whether a verdict of ``PRAGMA quick_check`` is a failed read of the disk."""
    codes = (int(code) & _PRIMARY_CODE for code in _PAGE_ERROR.findall(verdict))
    return any(code == sqlite3.SQLITE_IOERR for code in codes)


def read_failure(location: str) -> OSError | None:
    """Return the error with which the disk refuses to read a database file. Blocking.

    A disk that fails all reads of a page looks to SQLite like a damaged page. At most the first
    256 MiB are read.
    """
    try:
        with Path(location).open("rb", buffering=0) as file:
            while file.tell() < _MAX_PROBED_BYTES and file.read(_PROBE_STEP):
                pass
    except OSError as error:
        return error
    return None


def unreadable(location: str, reason: str) -> StorageFailed:
    """Return the error for a database that the disk does not let us read.

    The location is logged: the message may go to clients, which it does not concern.
    """
    logger.error("the database %s could not be read: %s", location, reason)
    return StorageFailed(
        f"The server's database could not be read: {reason}.",
        hint="Check the disk, then try again; there is no sign of a damaged database.",
    )


def meaning(error: DBAPIError, location: str) -> PdfsluiceError:
    """Return what an error of the driver means.

    The location and the driver's words are logged. The message may go to clients: it has
    neither paths nor the words of PostgreSQL, which name hosts, users and rows.
    """
    cause = error.orig
    name, state = _name(error), getattr(cause, "sqlstate", "") or ""
    logger.error("the database %s failed: %s", location, cause)
    if name == "SQLITE_FULL" or state == "53100":
        return StorageFull(
            "There is no space left for the server's database.",
            hint="Free some space; what was acknowledged is kept.",
        )
    if name.startswith(_DAMAGED):
        failure = read_failure(location)
        if failure is not None:
            return unreadable(location, failure.strerror or str(failure))
        return StorageFailed(f"The server's database is damaged: {cause}.", hint=DAMAGED_HINT)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Overloaded(
            "Another process has kept the server's database locked.",
            retry_after=5,
            hint="Only one server may use an SQLite database; use PostgreSQL for several.",
        )
    reason = cause if name else type(cause).__name__
    return StorageFailed(
        f"The server's database failed: {reason}.",
        hint="Check that it is there, can be reached and can be written."
        " The server's log names it and has the driver's words.",
    )


def _name(error: DBAPIError) -> str:
    cause = error.orig
    return getattr(cause, "sqlite_errorname", "") if isinstance(cause, sqlite3.Error) else ""
