"""What clients may send, as models for validation and for the description."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from pdfsluice.core.documents.markdown import MAX_PAGES
from pdfsluice.core.models.document_filter import DocumentFilter
from pdfsluice.core.models.passages import Match
from pdfsluice.server.transport.parsing import Parameters, Request

_MAX_NUMBER = 10**15  # a petabyte; JavaScript and every store keep numbers up to here exactly
_HIDDEN = r"\u0000-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF"
"""Control characters, and those that turn text around or hide in it."""
_TEXT = re.compile(rf"^[^{_HIDDEN}]*$")
_FILE_NAME = re.compile(rf"^[^{_HIDDEN}/\\]*[^{_HIDDEN}/\\\s.][^{_HIDDEN}/\\]*$")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EARLIEST, _LATEST = datetime(1970, 2, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_SHA256 = re.compile(r"^([0-9a-fA-F]{64})?$")
_CHECKSUM = re.compile(r"^([0-9a-fA-F]{64}|[a-z0-9][a-z0-9._-]{0,39}:([0-9a-fA-F]{2}){1,128})?$")


@dataclass(frozen=True, slots=True)
class Matching:
    """Text with a pattern: the description shows it, and the error explains it."""

    pattern: re.Pattern[str]
    meaning: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self.pattern.pattern}

    def _check(self, value: str) -> str:
        if not self.pattern.fullmatch(value):
            raise ValueError(self.meaning)
        return value


def _whole(value: Any) -> Any:
    """Read ``5.0`` as ``5``: to JSON they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Integral = BeforeValidator(_whole)
Bytes = Annotated[int, Field(ge=1, le=_MAX_NUMBER), _Integral]
_CLEAN = Matching(_TEXT, "must not contain control characters")
"""Follows the limits of a length: in front of them, they count entries."""

Text = Annotated[str, _CLEAN]
Metadata = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=100), _CLEAN],
        Annotated[str, Field(max_length=1000), _CLEAN],
    ],
    Field(
        max_length=32,
        json_schema_extra={"additionalProperties": False},  # in addition to names that match
    ),
]
FileName = Annotated[
    str, Matching(_FILE_NAME, "must be a name without path parts and control characters")
]
DocumentId = Annotated[int, Field(ge=1, le=2**53 - 1), _Integral]
Size = Annotated[int, Field(ge=0, le=_MAX_NUMBER)]
Amount = Annotated[int, Field(ge=0, le=_MAX_NUMBER), _Integral]
Sha256 = Annotated[
    str,
    Matching(_SHA256, "must be a SHA-256 in hexadecimal, 64 digits"),
    AfterValidator(lambda text: text or None),
]
ChunkChecksum = Annotated[
    str,
    Matching(_CHECKSUM, "must be a SHA-256 in hexadecimal, or ALGORITHM:HEX"),
    AfterValidator(lambda text: text or None),
]


Tag = Annotated[str, Field(min_length=1, max_length=64), _CLEAN]


class InitiateRequest(Request):
    """A request to open an upload session."""

    filename: FileName = Field(max_length=255, description="Name of the file, without a path.")
    file_size: Bytes = Field(description="Size of the file in bytes.")
    chunk_size: Bytes | None = Field(
        None, description="Wanted chunk size in bytes; the answer has the one to use."
    )
    client_id: Text = Field(
        "", max_length=200, description="Names the WebSocket of this client; grants nothing."
    )
    title: Text = Field("", max_length=500, description="Title of the document.")
    check_duplicates: bool = Field(
        True, description="Whether a document with the same bytes ends the upload."
    )
    auto_build_index: bool = Field(
        False, description="Whether to make it searchable right after the import."
    )
    expected_hash: Sha256 | None = Field(
        None, description="SHA-256 of the file in hexadecimal, if known."
    )
    encryption: Literal["age"] | None = Field(
        None, description="How the client encrypted the file, so that no stage can read it."
    )
    replaces: DocumentId | None = Field(
        None,
        description="The document of which the file is a new version; needs `expected_hash`.",
    )
    metadata: Metadata = Field(
        default_factory=dict, description="The client's data about the file."
    )


class ResumeRequest(Request):
    """A request to resume a session, perhaps from another device."""

    session_id: str = Field(max_length=100, description="The session.")
    client_id: Text = Field(
        "", max_length=200, description="Names the WebSocket of the client from now on."
    )
    last_chunk_id: Annotated[int, Field(ge=-1, le=_MAX_NUMBER), _Integral] | None = Field(
        None,
        description="What the client believes to be its last chunk; the answer knows better.",
    )


class CompleteRequest(Request):
    """A request to complete an upload."""

    expected_hash: Sha256 | None = Field(
        None,
        description="SHA-256 of the file in hexadecimal, if it was not announced before. "
        "If the stored bytes have another one, the upload fails and nothing is kept.",
    )


class CancelRequest(Request):
    """A request to cancel an upload."""

    reason: Text = Field("", max_length=500, description="Why, for the log and for watchers.")


class ChangeRequest(Request):
    """A change of a document; what is not given stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Text = Field("", min_length=1, max_length=500, description="The new title.")
    tags: list[Tag] = Field(
        default_factory=list, max_length=32, description="All tags from now on."
    )

    @model_validator(mode="after")
    def _require_change(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("must have a title or tags")
        return self

    @property
    def new_title(self) -> str | None:
        """The title, if it was given."""
        return self.title if "title" in self.model_fields_set else None

    @property
    def new_tags(self) -> list[str] | None:
        """The tags, if they were given."""
        return self.tags if "tags" in self.model_fields_set else None


class SearchFilter(Request):
    """Conditions on the documents to search; all of them must hold."""

    documents: list[Annotated[int, Field(ge=1, le=_MAX_NUMBER), _Integral]] | None = Field(
        None, max_length=10_000, description="Ids of documents."
    )
    title: Text = Field(
        "", max_length=500, description="Part of the title or file name, in any case."
    )
    tags: list[Tag] = Field(
        default_factory=list, max_length=32, description="Tags that the document has, all of them."
    )
    uploaded_from: AwareDatetime | None = Field(None, description="Earliest time of the upload.")
    uploaded_before: AwareDatetime | None = Field(
        None, description="Time before which it was uploaded."
    )
    metadata: Metadata = Field(
        default_factory=dict,
        description="Names of fields of the metadata, each with a part of its value, in any case.",
    )

    def wanted(self) -> DocumentFilter:
        """Return the conditions as the core has them."""
        return DocumentFilter(
            documents=self.documents,
            title=self.title,
            tags=tuple(self.tags),
            uploaded_from=self.uploaded_from,
            uploaded_before=self.uploaded_before,
            metadata=self.metadata,
        )


class SearchRequest(Request):
    """A search in the text of documents."""

    query: str = Field(min_length=1, max_length=2000, description="What to look for.")
    top_k: Annotated[int, Field(ge=1, le=100), _Integral] = Field(
        5, description="How many passages to return at most."
    )
    offset: Annotated[int, Field(ge=0, le=900), _Integral] = Field(
        0, description="How many of the best passages to leave out: the ``next`` of an answer."
    )
    filter: SearchFilter | None = Field(None, description="The documents to search.")
    match: Match | None = Field(
        None, description="By what alone passages are found; by default by both together."
    )


class ChunkQuery(Parameters):
    """The chunk of a raw body, by number or by offset."""

    chunk_id: Size | None = Field(None, description="Number of the chunk, from 0.")
    chunk_offset: Size | None = Field(None, description="Offset in the file, in bytes.")


class RawChunkQuery(ChunkQuery):
    """The chunk of a raw body that may be compressed or a delta."""

    chunk_length: Bytes | None = Field(
        None,
        description="Bytes of the file in the body, if it is a coded piece of its chunk.",
    )
    checksum: ChunkChecksum | None = Field(
        None,
        description="Checksum of the decoded bytes of a compressed body or a delta, as in a form.",
    )


class StoredChunkQuery(ChunkQuery):
    """A chunk that the client has sent to the store."""

    checksum: ChunkChecksum | None = Field(None, description="Checksum of its bytes, as in a form.")


class ChunkForm(ChunkQuery):
    """The fields of a chunk that comes as a form, in any order."""

    is_final: bool | None = Field(None, description="Whether it is the last chunk of the file.")
    checksum: ChunkChecksum | None = Field(
        None,
        description="SHA-256 of the chunk in hexadecimal, or `ALGORITHM:HEX` with one of the"
        " `checksum_algorithms` of the session; may come after the file.",
    )


class DocumentsQuery(Parameters):
    """A page of documents, newest first."""

    limit: int = Field(50, ge=1, le=500, description="How many documents to return at most.")
    after: int | None = Field(
        None, ge=1, le=_MAX_NUMBER, description="The ``next`` of the answer before."
    )
    filename: FileName | None = Field(
        None,
        max_length=255,
        description="Only the caller's own documents whose file has this name; at most 100.",
    )
    replaced: bool = Field(
        False, description="Whether to list versions that were replaced by newer ones, too."
    )


class IndexQuery(Parameters):
    """A page of documents that are indexed again, newest first."""

    limit: int = Field(500, ge=1, le=500, description="How many documents to look at, at most.")
    after: int | None = Field(
        None, ge=1, le=_MAX_NUMBER, description="The ``next`` of the answer before."
    )


class DeleteQuery(Parameters):
    """What is deleted of a document with several versions."""

    all_versions: bool = Field(False, description="Whether to delete all versions of it.")


class UnitsQuery(Parameters):
    """A page of the units of a document."""

    first: int = Field(0, ge=0, le=_MAX_NUMBER, description="The ``next`` of the answer before.")
    limit: int = Field(20_000, ge=1, le=20_000, description="How many to return at most.")


class QuarantineQuery(Parameters):
    """A page of the quarantine, newest first."""

    limit: int = Field(500, ge=1, le=500, description="How many uploads to return at most.")
    after: str | None = Field(None, max_length=40, description="The ``next`` of the answer before.")


class ThumbnailQuery(Parameters):
    """The size of a drawn page."""

    width: int = Field(240, ge=16, le=2000, description="Width in pixels.")


class MarkdownQuery(Parameters):
    """A range of pages of a document."""

    first: int = Field(1, ge=1, le=2**31 - 1, description="Number of the first page.")
    limit: int = Field(50, ge=1, le=MAX_PAGES, description="How many pages to return at most.")


def _day_start(value: Any) -> Any:
    """Turn a date into the time at which it begins (UTC)."""
    return f"{value}T00:00:00Z" if isinstance(value, str) and _DATE.fullmatch(value) else value


def _near(moment: datetime) -> datetime:
    """Move a time into the centuries with which one can calculate."""
    return min(max(moment, _EARLIEST), _LATEST)


Moment = Annotated[AwareDatetime, BeforeValidator(_day_start), AfterValidator(_near)]


class RecordsQuery(Parameters):
    """The time in which the wanted uploads ended."""

    since: Moment | None = Field(
        None,
        alias="from",
        description="Earliest time, as `2024-05-01T08:00:00Z` or `2024-05-01`; 30 days ago by"
        " default.",
    )
    until: Moment | None = Field(
        None, alias="to", description="Time before which they ended; now by default."
    )


class ReportQuery(RecordsQuery):
    """The wanted uploads and their groups."""

    by: Literal["hour", "day", "protocol", "client", "end", "account"] = Field(
        "day", description="By what they are grouped."
    )
