"""Errors of the store: unusable folders, missing bytes, deleted files."""

from pathlib import Path

from pdfsluice.core import NotFound, StorageFailed


def unusable(error: OSError) -> StorageFailed:
    """Return the error for a folder that the store cannot use; it prevents the start."""
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
