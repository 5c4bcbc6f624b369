"""What an error of the operating system means for an upload."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

from pdfsluice.core.errors import NotFound, StorageFailed, StorageFull

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})


@contextmanager
def explained(action: str) -> Generator[None]:
    """Raise what the operating system reports as an error of pdfsluice.

    Args:
        action: What was being done, to go on after "could not".

    Raises:
        StorageFull: There is no space, no quota, or the disk is read-only.
        StorageFailed: Anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull(
                f"The storage could not {action}: {error.strerror}.",
                hint="Try again when there is space; what was acknowledged is kept.",
            ) from error
        raise StorageFailed(
            f"The storage could not {action}: {error.strerror or error}.",
            hint="What was acknowledged is kept; the server's disk needs a look.",
        ) from error


def unusable(error: OSError) -> StorageFailed:
    """Return the error for a directory of the storage with which the server cannot start."""
    return StorageFailed(
        f"The storage cannot use {error.filename or 'its folders'}: {error.strerror}.",
        hint="Let the user that runs the server write there, or choose another folder.",
    )


def not_found(blob_id: str) -> NotFound:
    """Return the error for bytes that are not there."""
    return NotFound(f"The storage holds no bytes of {blob_id!a}.")
