"""What an error of the operating system means for an upload."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pdfsluice.core import NotFound, StorageFailed, StorageFull

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})


@contextmanager
def explained(action: str) -> Generator[None]:
    """Raise errors of the operating system as errors of pdfsluice.

    Args:
        action: What was being done, to follow "could not".

    Raises:
        StorageFull: There is no space, no quota, or the disk is read-only.
        StorageFailed: Anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StorageFull(
                f"The storage could not {action}: {error.strerror}.",
                hint="Try again when there is space; what was acknowledged is kept.",
            ) from error
        raise StorageFailed(
            f"The storage could not {action}: {error.strerror or error}.",
            hint="What was acknowledged is kept. Check the server's disk, then try again.",
        ) from error


def unusable(error: OSError) -> StorageFailed:
    """Return the error for a storage directory that prevents the start."""
    return StorageFailed(
        f"The storage cannot use {error.filename or 'its folders'}: {error.strerror}.",
        hint="Let the user that runs the server write there, or choose another folder.",
    )


def not_found(blob_id: str) -> NotFound:
    """Return the error for bytes that are missing."""
    return NotFound(f"The storage holds no bytes of {blob_id!a}.")


def deleted(path: Path) -> StorageFailed:
    """Return the error for an open file that another program deleted or replaced."""
    return StorageFailed(
        f"The upload's file {path.name} was deleted while bytes came in.",
        hint="Check the server's upload_dir: is its disk mounted? Nothing new was acknowledged.",
    )
