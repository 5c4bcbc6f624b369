"""The identities of an object store and of the folders that are used with it."""

import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.plugins.ports.objects import ObjectStore

from . import names

_SETTLE_SECONDS = 0.3
_MAX_IDENTITY_BYTES = 64


def read_identity(objects: ObjectStore) -> str:
    """Return the identity of a store. Blocking.

    Servers that start together with a new store may all write one. A store with ``put_new``
    accepts the first. In others each server reads it again a moment later, when the last one
    has overwritten the others.

    Raises:
        StorageFailed: The store does not keep it.
    """
    size = objects.size(names.IDENTITY)
    if size is None:
        identity = memoryview(str(uuid4()).encode())
        put_new: Callable[[str, memoryview], bool] | None = getattr(objects, "put_new", None)
        if put_new is None:
            objects.put(names.IDENTITY, identity)
        else:
            put_new(names.IDENTITY, identity)
        time.sleep(_SETTLE_SECONDS)
        size = objects.size(names.IDENTITY)
    buffer = bytearray(min(size or 0, _MAX_IDENTITY_BYTES))
    count = objects.read_into(names.IDENTITY, 0, memoryview(buffer)) if buffer else 0
    stored = buffer[:count].decode("ascii", "replace")
    if not stored:
        raise StorageFailed(f"The object store {objects.label} keeps no objects.")
    return stored


def folder_identity(folder: Path) -> str:
    """Return the identity of a folder of local copies; a new one writes it. Blocking."""
    mark = folder / "identity.lock"
    if not mark.exists():
        mark.write_text(str(uuid4()))
    return mark.read_text().strip()[:36]


def is_shared(objects: ObjectStore, folder: str) -> bool:
    """Return whether another folder was used with a store; record this one. Blocking.

    The server of the other folder may have a database of its own, in which the sessions of
    other segments are.

    Args:
        objects: The object store.
        folder: The identity of the folder.
    """
    mine = f"{names.SERVERS}/{folder}"
    if objects.size(mine) is None:
        objects.put(mine, memoryview(b"1"))
    return any(item.name != mine for item in objects.list(names.SERVERS))
