"""Documents, the text of their pages and the jobs on them, all frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .findings import Decision, Finding, Unscanned


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A finished upload on its way into the catalogue.

    Attributes:
        session_id: The session it came from; unique, so that an import happens once.
        blob_id: Names the bytes in the upload store.
        owner: ``Principal.id`` of the principal that uploaded it.
        title: For people; the file's name without its ending if the client gave none.
        filename: The client's name for the file, for display only.
        file_size: Size in bytes.
        sha256: SHA-256 of the file, in lower-case hexadecimal.
        created_at: When it was uploaded (UTC).
        page_count: How many pages it has; ``None`` if no stage could count them.
        metadata: The file's own description of itself (author, producer).
        findings: What the stages found.
        unscanned: The parts that no stage could read.
        decision: The policy's decision about the findings.
        tags: Words by which its owner finds it again.
        lineage: The id of the first version of the document, if there are several; all
            versions have the same.
    """

    session_id: str
    blob_id: str
    owner: str
    title: str
    filename: str
    file_size: int
    sha256: str
    created_at: datetime
    page_count: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unscanned: tuple[Unscanned, ...] = ()
    decision: Decision = Decision.NOTE
    tags: tuple[str, ...] = ()
    lineage: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(NewDocument):
    """A document in the catalogue; each version of one is a document.

    Attributes:
        id: Its number, from 1.
        version: Number of this version, from 1.
        replaced_by: The next version; ``None`` for the newest.
    """

    id: int
    version: int = 1
    replaced_by: int | None = None


class TextSource(StrEnum):
    """The origin of a page's text; ``none`` if it has none that can be read."""

    TEXT = "text"
    OCR = "ocr"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of one page.

    Attributes:
        number: 1-based page number.
        text: Plain text in reading order, as far as the extractor knows it.
        garbled: Whether the page has text that no font maps to Unicode; ``text`` is empty then.
        notes: Sentences about the document as a whole; not stored.
        layout: The encoded ``PageLayout``; empty if the extractor gave none.
        source: Where the text comes from.
        hidden: Text that a person cannot see; not stored.
    """

    number: int
    text: str
    garbled: bool = False
    notes: tuple[str, ...] = ()
    layout: bytes = b""
    source: TextSource = TextSource.TEXT
    hidden: str = ""


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
