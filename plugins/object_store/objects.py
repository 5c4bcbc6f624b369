"""An object store that is reached through obstore."""

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import obstore
from obstore import exceptions

from pdfsluice.core import NotFound, ObjectInfo, Overloaded, StorageFailed

from .links import Links

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

logger = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = 5.0
_PART_BYTES = 8 * 1024 * 1024
_MAX_PARTS_IN_FLIGHT = 4
_MAX_LOGGED = 300
_REFUSALS = (
    exceptions.PermissionDeniedError,
    exceptions.UnauthenticatedError,
    exceptions.InvalidPathError,
    exceptions.NotSupportedError,
)


class ObstoreObjects:
    """The objects of one bucket or container, below a folder.

    Args:
        client: The open store of obstore, which retries requests itself.
        label: Its address for logs, without secrets.
        links: Makes addresses of objects; ``None`` if clients are given none.
    """

    def __init__(self, client: "Client", label: str, links: Links | None = None) -> None:
        self._client = client
        self._label = label
        self._links = links

    @property
    def label(self) -> str:
        """The address of the store for logs, without secrets."""
        return self._label

    def put(self, name: str, data: memoryview) -> None:
        """Store an object in one request."""
        with self._explained():
            obstore.put(self._client, name, data, use_multipart=False)

    def put_new(self, name: str, data: memoryview) -> bool:
        """Store an object unless there is one; return whether it was stored.

        A service without conditional requests stores it in any case.
        """
        with self._explained():
            try:
                obstore.put(self._client, name, data, use_multipart=False, mode="create")
            except exceptions.AlreadyExistsError:
                return False
            except (exceptions.NotSupportedError, NotImplementedError):
                obstore.put(self._client, name, data, use_multipart=False)
            return True

    def put_parts(self, name: str, parts: Iterator[bytes]) -> None:
        """Store a large object in several requests; the last one makes it appear."""
        with self._explained():
            obstore.put(
                self._client,
                name,
                parts,
                chunk_size=_PART_BYTES,
                max_concurrency=_MAX_PARTS_IN_FLIGHT,
            )

    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from an offset of an object; return how many bytes came."""
        with self._explained():
            data = obstore.get_range(self._client, name, start=offset, length=len(buffer))
            buffer[: len(data)] = memoryview(data)
            return len(data)

    def size(self, name: str) -> int | None:
        """Return the size of an object; ``None`` if there is none."""
        try:
            with self._explained():
                size: int = obstore.head(self._client, name)["size"]
                return size
        except NotFound:
            return None

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store."""
        with self._explained():
            obstore.copy(self._client, source, target)

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects; a missing one is no error."""
        if not names:
            return
        try:
            with self._explained():
                obstore.delete(self._client, names)
        except NotFound:  # some services report a missing object
            for name in names if len(names) > 1 else ():
                self.delete([name])

    def list(self, folder: str) -> Iterable[ObjectInfo]:
        """Yield the objects in a folder and its folders."""
        with self._explained():
            for batch in obstore.list(self._client, folder):
                for item in batch:
                    yield ObjectInfo(item["path"], item["size"], item["last_modified"])

    def link(
        self, name: str, *, seconds: int, content_type: str, content_disposition: str
    ) -> str | None:
        """Return an address from which an object can be read for a time."""
        if self._links is None:
            return None
        with self._explained():
            return self._links.get(
                name,
                seconds=seconds,
                content_type=content_type,
                content_disposition=content_disposition,
            )

    def upload_link(
        self, name: str, *, seconds: int, length: int
    ) -> tuple[str, Mapping[str, str]] | None:
        """Return an address to which an object can be sent for a time, and header fields."""
        if self._links is None:
            return None
        with self._explained():
            return self._links.put(name, seconds=seconds, length=length)

    @contextmanager
    def _explained(self) -> Generator[None]:
        """Raise the errors of obstore as those of pdfsluice; the details are logged alone."""
        try:
            yield
        except FileNotFoundError:
            raise NotFound("The object store holds no such object.") from None
        except _REFUSALS as error:
            logger.error("the object store %s refuses: %s", self._label, _brief(error))  # noqa: TRY400
            raise StorageFailed(
                "The server may not use its object store.",
                hint="The operator checks the credentials and rights of the server.",
            ) from error
        except exceptions.BaseError as error:
            logger.warning("the object store %s fails: %s", self._label, _brief(error))
            raise Overloaded(
                "The server's object store does not answer as it should.",
                retry_after=_RETRY_AFTER_SECONDS,
                hint="Try again in a moment. Acknowledged bytes are kept.",
            ) from error


def _brief(error: Exception) -> str:
    """Return the first line of a message of obstore, which is followed by a dump."""
    return str(error).split("\n", 1)[0][:_MAX_LOGGED]
