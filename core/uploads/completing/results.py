"""What callers receive for a chunk and for a completed upload."""

from dataclasses import dataclass

from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkReceipt:
    """The acknowledgement of a chunk.

    Attributes:
        session: The session after the commit.
        received: Bytes that the body had.
        chunk_id: As the client numbered it.
    """

    session: Session
    received: int
    chunk_id: int | None


@dataclass(frozen=True, slots=True)
class Completion:
    """The result of an upload that was accepted.

    Attributes:
        session: The session, completed.
        document: The document that it became, or that existed already.
        queued: The jobs that were queued with the document; none for a duplicate.
    """

    session: Session
    document: Document
    queued: frozenset[JobKind] = frozenset()

    @property
    def duplicate(self) -> bool:
        """Whether the document existed before."""
        return self.session.duplicate
