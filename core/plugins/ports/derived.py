"""The port of stores that keep what was made from documents, for all nodes."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class DerivingStore(Protocol):
    """Further methods of an upload store whose blobs other nodes reach as well.

    What is derived from a document, such as the picture of a page, can be made again at any
    time. It belongs to the document's blob: ``UploadStore.remove`` deletes it, and
    ``UploadStore.published_ids`` reports a blob of which nothing else is left.

    A name stands for one content. A node that makes it again stores an equally good one, and
    other nodes may keep the copies that they have.

    Names have 1 to 100 of the characters ``a-z 0-9 - .`` and begin with a letter or a digit.
    Other names, and ids that are not the server's own, are refused with ``NotFound``.

    A store without these methods works: what is derived are then files of each node.
    """

    async def derived(self, blob_id: str, name: str) -> bytes | None:
        """Return what was derived from a blob under a name; ``None`` if there is nothing."""
        ...

    async def derive(self, blob_id: str, name: str, content: bytes) -> None:
        """Store what was derived from a blob.

        Args:
            blob_id: The blob of a document. It is not looked at: a caller that deletes a
                document at the same time deletes this at the latest in the next reconciliation.
            name: What it is.
            content: Its bytes, at most a few MiB.
        """
        ...
