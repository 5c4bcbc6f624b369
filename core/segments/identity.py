"""The identity of an object store, which its first server writes into it."""

import time
from collections.abc import Callable
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
