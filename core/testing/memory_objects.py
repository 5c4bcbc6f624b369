"""An object store in memory, for tests."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from pdfsluice.core.errors import NotFound
from pdfsluice.core.plugins.ports.objects import ObjectInfo


class MemoryObjectStore:
    """An object store in memory.

    Attributes:
        objects: Content and time of each object, by name.
        label: The address for logs.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.label = "memory"

    def put(self, name: str, data: memoryview) -> None:
        """Store an object."""
        self.objects[name] = bytes(data), datetime.now(UTC)

    def put_parts(self, name: str, parts: Iterator[bytes]) -> None:
        """Store an object from parts, if they all come."""
        self.put(name, memoryview(b"".join(parts)))

    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from an offset of an object."""
        data = self._content(name)[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        return len(data)

    def size(self, name: str) -> int | None:
        """Return the size of an object; ``None`` if there is none."""
        return len(self.objects[name][0]) if name in self.objects else None

    def copy(self, source: str, target: str) -> None:
        """Copy an object."""
        self.put(target, memoryview(self._content(source)))

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects."""
        for name in names:
            self.objects.pop(name, None)

    def list(self, folder: str) -> Iterable[ObjectInfo]:
        """Return the objects in a folder."""
        return [
            ObjectInfo(name, len(data), modified)
            for name, (data, modified) in sorted(self.objects.items())
            if name.startswith(f"{folder}/")
        ]

    def _content(self, name: str) -> bytes:
        if name not in self.objects:
            raise NotFound(f"There is no object {name}.")
        return self.objects[name][0]
