"""The files of blobs. Only ids that the server itself makes become part of a path."""

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import not_found

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PARTIAL = ".part"
_DOCUMENT = ".pdf"
_UNSYNCED = ".unsynced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The directories of a store, and the file of each blob in them.

    Attributes:
        uploads: Directory of partial uploads.
        documents: Directory of documents, in 256 subdirectories.
        quarantine: Directory of refused uploads that are kept.
    """

    uploads: Path
    documents: Path
    quarantine: Path

    @property
    def directories(self) -> tuple[Path, ...]:
        """All directories that must exist before anything is stored."""
        return (self.uploads, self.documents, self.quarantine)

    def partial(self, blob_id: str) -> Path:
        """The file of a partial blob."""
        return self.uploads / f"{_checked(blob_id)}{_PARTIAL}"

    def document(self, blob_id: str) -> Path:
        """The file of a published blob."""
        return self.documents / _checked(blob_id)[:2] / f"{blob_id}{_DOCUMENT}"

    def quarantined(self, blob_id: str) -> Path:
        """The file of a refused blob; its name keeps viewers and indexers away."""
        return self.quarantine / f"{_checked(blob_id)}.quarantined"

    def places(self, blob_id: str) -> tuple[Path, ...]:
        """All files that a blob may be: partial, quarantined or published."""
        return self.partial(blob_id), self.quarantined(blob_id), self.document(blob_id)

    def unsynced(self, blob_id: str) -> Path:
        """The empty file that marks a blob of which a sync failed."""
        return self.uploads / f"{_checked(blob_id)}{_UNSYNCED}"

    def partial_id(self, name: str) -> str | None:
        """Return the id of the partial blob with a file name, if it is one's."""
        return _id(name, _PARTIAL)

    def document_id(self, name: str) -> str | None:
        """Return the id of the published blob with a file name, if it is one's."""
        return _id(name, _DOCUMENT)

    def unsynced_id(self, name: str) -> str | None:
        """Return the id of the blob that a file name marks, if it is such a mark's."""
        return _id(name, _UNSYNCED)


def _id(name: str, suffix: str) -> str | None:
    blob_id = name.removesuffix(suffix)
    return blob_id if blob_id != name and _UUID.fullmatch(blob_id) else None


def _checked(blob_id: str) -> str:
    if not _UUID.fullmatch(blob_id):
        raise not_found(blob_id)
    return blob_id
