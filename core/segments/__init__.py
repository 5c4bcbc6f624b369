"""An upload store made of an object store: each committed range is an object.

What every such store needs belongs here: names, the local files for stages, publishing with the
digest compared. The requests to a service belong to a plugin, which implements ``ObjectStore``.
"""

from .store import SegmentedUploadStore, open_segmented_store

__all__ = ["SegmentedUploadStore", "open_segmented_store"]
