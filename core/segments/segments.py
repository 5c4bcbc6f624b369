"""The segments of uploads: stored, looked for, copied and deleted."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.objects import ObjectStore

from . import names
from .availability import Availability
from .sending import for_each
from .workspace import Workspace
from .workspaces import Workspaces


class Segments:
    """The segments of all uploads in the object store. Blocking, if not awaited.

    Args:
        objects: The object store.
        workspaces: The local files of open uploads.
        availability: Learns whether segments can be stored.
    """

    def __init__(
        self, objects: ObjectStore, workspaces: Workspaces, availability: Availability
    ) -> None:
        self._objects = objects
        self._workspaces = workspaces
        self._availability = availability

    def sealer(self, blob_id: str) -> Callable[[Workspace, int, int], str]:
        """Return a function that stores a range of an upload's spool and returns its name."""

        def seal(workspace: Workspace, start: int, end: int) -> str:
            name = names.new_segment(blob_id, start)
            with workspace.spooled(start, end) as data, self._availability.observed():
                adopted = workspace.adopted(start, end, data)
                if adopted is None:
                    self._objects.put(name, data)
            name = adopted or name
            workspace.sealed(name)
            return name

        return seal

    def lost(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Return extents whose segment is missing, short, or was found to be damaged."""
        damaged = self._workspaces.damaged(blob_id)
        listed = {item.name: item.size for item in self._objects.list(names.segments_of(blob_id))}

        def size(extent: Extent) -> int | None:
            place = names.checked_place(extent.place)
            return listed.get(place) or self._objects.size(place)  # a list may be out of date

        return [
            extent
            for extent in extents
            if extent.place in damaged or size(extent) != extent.end - extent.start
        ]

    async def copy(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Copy segments of other uploads to an upload, inside the object store."""

        def copy(extent: Extent) -> Extent:
            place = names.new_segment(blob_id, extent.start)
            self._objects.copy(names.checked_place(extent.place), place)
            return Extent(extent.start, extent.end, extent.fingerprint, place)

        return await for_each(copy, extents)

    def delete(self, blob_id: str) -> None:
        """Delete the segments of an upload, and what its client has sent to slots."""
        self._objects.delete([i.name for i in self._objects.list(names.segments_of(blob_id))])
        self._workspaces.forget(blob_id)

    def unchanged_ids(self, older_than: timedelta) -> Sequence[str]:
        """Return the uploads whose newest segment has at least an age."""
        newest: dict[str, datetime] = {}
        for item in self._objects.list(names.UPLOADS):
            blob_id = names.id_of_segment(item.name)
            if blob_id is not None:
                newest[blob_id] = max(item.modified, newest.get(blob_id, item.modified))
        limit = datetime.now(UTC) - older_than if older_than else datetime.max.replace(tzinfo=UTC)
        return [blob_id for blob_id, modified in newest.items() if modified <= limit]
