"""Documents and the text of their pages."""

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
