"""The ports that storage plugins implement, in one import."""

from .blobs import Blob, PromptBlob, StoreUsage, UploadStore, UploadStoreSpec
from .catalogue import (
    Catalogue,
    CatalogueSpec,
    CompletingCatalogue,
    DocumentChanges,
    VersionedCatalogue,
)
from .opening import Opener
from .sessions import HoldingStore, SessionChanges, SessionStore, SessionStoreSpec, Standing

__all__ = [
    "Blob",
    "Catalogue",
    "CatalogueSpec",
    "CompletingCatalogue",
    "DocumentChanges",
    "HoldingStore",
    "Opener",
    "PromptBlob",
    "SessionChanges",
    "SessionStore",
    "SessionStoreSpec",
    "Standing",
    "StoreUsage",
    "UploadStore",
    "UploadStoreSpec",
    "VersionedCatalogue",
]
