"""Background jobs on documents."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobState(StrEnum):
    """The state of a background job.

    It is ``skipped`` if there was nothing to do, and ``cancelled`` by an administrator.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobKind(StrEnum):
    """What a background job does with a document."""

    IMPORT = "import"
    INDEX = "index"
    OCR = "ocr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A background job on a document; a row, so that a restart loses none.

    Each importer has a job of its own, so that one which fails is repeated alone.

    Attributes:
        id: Its number.
        document_id: The document.
        kind: What is done with it.
        state: Its state.
        progress: Share done, 0 to 1.
        message: Its current step, or why it failed.
        attempts: How often it was started.
        index_waits: Whether an index of the same document was queued when it was claimed.
        importer: Name of the importer; empty for an index, and for an import by an earlier
            version of pdfsluice, which ran all importers in one job.
        required: Whether the import of the document has failed if this job has.
        retry_at: When it is tried again at the earliest (UTC), if it waits for that.
    """

    id: int
    document_id: int
    kind: JobKind
    state: JobState
    progress: float = 0.0
    message: str = ""
    attempts: int = 0
    index_waits: bool = False
    importer: str = ""
    required: bool = True
    retry_at: datetime | None = None
