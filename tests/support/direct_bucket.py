"""Objects in memory that clients reach by tickets, and that change at chosen moments."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from pdfsluice.core import PluginContext, Ticket, UploadStoreSpec, hookimpl, open_segmented_store
from pdfsluice.core.testing import MemoryObjectStore

_SCHEME = "memory:"


@dataclass(eq=False)
class Attack:
    """What happens at a moment, once.

    Attributes:
        moment: The request to the store: ``before copy``, ``after copy``, ``read``, ``publish``.
        act: Done at that moment.
        done: Whether it was.
    """

    moment: str
    act: Callable[[], None]
    done: bool = False


class DirectBucket(MemoryObjectStore):
    """An object store whose tickets name an object that the client may write to."""

    def __init__(self) -> None:
        super().__init__()
        self.attack: Attack | None = None

    def upload_link(
        self, name: str, *, seconds: int, length: int
    ) -> tuple[str, Mapping[str, str]] | None:
        """Return an address that :meth:`send` takes."""
        del length  # it accepts any
        return f"{_SCHEME}{name}?{time.time() + seconds}", {"x-test": "1"}

    def send(self, ticket: Ticket, data: bytes) -> int:
        """Send bytes with a ticket, as a client does; return the status of the answer."""
        name, _, end = ticket.url.removeprefix(_SCHEME).partition("?")
        if time.time() > float(end):
            return HTTPStatus.FORBIDDEN
        super().put(name, memoryview(data))
        return HTTPStatus.CREATED

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder."""
        return [item.name for item in self.list(folder)]

    def copy(self, source: str, target: str) -> None:
        """Copy an object."""
        self._reach("before copy")
        super().copy(source, target)
        self._reach("after copy")

    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        """Read from an object."""
        self._reach("read")
        return super().read_into(name, offset, buffer)

    def put(self, name: str, data: memoryview) -> None:
        """Store an object."""
        if name.startswith("documents/"):
            self._reach("publish")
        super().put(name, data)

    def put_parts(self, name: str, parts: Iterator[bytes]) -> None:
        """Store an object in parts."""
        self._reach("publish")
        super().put_parts(name, parts)

    def _reach(self, moment: str) -> None:
        if self.attack is not None and self.attack.moment == moment and not self.attack.done:
            self.attack.done = True
            self.attack.act()

    @contextmanager
    def attacked(self, moment: str, act: Callable[[], None]) -> Iterator[None]:
        """Do something at a moment, which has to come before the context is left."""
        self.attack = Attack(moment, act)
        yield
        assert self.attack.done, moment
        self.attack = None

    @hookimpl
    def pdfsluice_register_upload_stores(self, context: PluginContext) -> list[UploadStoreSpec]:
        """Register the upload store ``bucket``."""
        folder = context.upload_dir / "copies"
        return [UploadStoreSpec(name="bucket", open=lambda: open_segmented_store(self, folder))]
