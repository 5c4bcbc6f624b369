"""The identity of a store: a UUID in each of its directories."""

import os
from pathlib import Path
from uuid import uuid4

from pdfsluice.core.directories import sync_directory

from .files import NEW_FILE

FILE_NAME = "identity.lock"  # backups and clean-up programs leave lock files alone
_MAX_LENGTH = 36


def store_identity(*directories: Path) -> str:
    """Return the identity of a store; make it durable if it is new. Blocking.

    A store is another one as soon as one of its directories is another one.

    Args:
        directories: Those that hold its bytes.
    """
    identities = (_identity(directory) for directory in dict.fromkeys(directories))
    return "+".join(dict.fromkeys(identities))


def _identity(directory: Path) -> str:
    path = directory / FILE_NAME
    identity = path.read_text()[:_MAX_LENGTH].strip() if path.exists() else ""
    if len(identity) == _MAX_LENGTH:
        return identity
    identity = str(uuid4())
    draft = directory / f".{FILE_NAME}.{identity}"
    descriptor = os.open(draft, NEW_FILE, 0o600)
    try:
        os.write(descriptor, identity.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.rename(path)
    sync_directory(directory)
    return identity
