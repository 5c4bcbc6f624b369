"""What an error of the database driver means for pdfsluice."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from pdfsluice.core.errors import (
    Overloaded,
    PdfsluiceError,
    StorageFailed,
    StorageFull,
)

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
DAMAGED_HINT = (
    "Stop the server, keep a copy of the file together with its '-wal' file, and restore a backup "
    "or salvage it with 'sqlite3 FILE .recover'; uploads and documents themselves are not touched."
)


@contextmanager
def explained(place: str) -> Generator[None]:
    """Raise what the database reports as an error of pdfsluice.

    Args:
        place: The database, for people; without a password.

    Raises:
        StorageFull: The disk is full.
        StorageFailed: The database cannot be reached, written or read, or is damaged.
        Overloaded: Another process holds the database for too long.
    """
    try:
        yield
    except DBAPIError as error:
        raise meaning(error, place) from error


def meaning(error: DBAPIError, place: str) -> PdfsluiceError:
    """Return what an error of the driver means; ``place`` is the database, for people."""
    cause = error.orig
    name = getattr(cause, "sqlite_errorname", "") if isinstance(cause, sqlite3.Error) else ""
    state = getattr(cause, "sqlstate", "") or ""
    if name == "SQLITE_FULL" or state == "53100":
        return StorageFull(
            f"There is no space left for the database {place}.",
            hint="Free some space; what was acknowledged is kept.",
        )
    if name.startswith(_DAMAGED):
        return StorageFailed(f"The database {place} is damaged: {cause}.", hint=DAMAGED_HINT)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Overloaded(
            f"Another process has kept the database {place} locked.",
            retry_after=5,
            hint="Only one server may use an SQLite database; use PostgreSQL for several.",
        )
    return StorageFailed(
        f"The database {place} failed: {cause}.",
        hint="Check that it is there, can be reached and can be written.",
    )
