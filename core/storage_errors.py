"""What an error of the operating system means for stored bytes."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

from .errors import StorageFailed, StorageFull

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
