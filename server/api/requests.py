"""What clients may send: pydantic models that validate, and that the description is made of."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from pdfsluice.config.wording import described, predicate
from pdfsluice.core.errors import ProtocolError
from pdfsluice.server.problems import UnsupportedMedia
from pdfsluice.server.transport.body import BodyLimits, read_small

JSON_LIMIT = 64 * 1024
"""Longest JSON body, in bytes."""
_MOST = 10**15  # a petabyte; JavaScript and every store keep numbers up to here exactly
_HIDDEN = r"\u0000-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF"
"""Control characters, and those that turn text around or hide in it."""
_TEXT = re.compile(rf"^[^{_HIDDEN}]*$")
_FILE_NAME = re.compile(rf"^[^{_HIDDEN}/\\]*[^{_HIDDEN}/\\\s.][^{_HIDDEN}/\\]*$")
_SHA256 = re.compile(r"^([0-9a-fA-F]{64})?$")

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Matching:
    """Text that has to match a pattern: the description shows it, the error says it in words."""

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
    """Take ``5.0`` for ``5``: to JSON they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Integral = BeforeValidator(_whole)
Bytes = Annotated[int, Field(ge=1, le=_MOST), _Integral]
Text = Annotated[str, Matching(_TEXT, "must not contain control characters")]
FileName = Annotated[
    str, Matching(_FILE_NAME, "must be a name without path parts and control characters")
]
Size = Annotated[int, Field(ge=0, le=_MOST)]
Sha256 = Annotated[
    str,
    Matching(_SHA256, "must be a SHA-256 in hexadecimal, 64 digits"),
    AfterValidator(lambda text: text or None),
]


class Request(BaseModel):
    """Base of JSON bodies: no field that is not known, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Parameters(BaseModel):
    """Base of query parameters and form fields, which come as text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InitiateRequest(Request):
    """Opens an upload session."""

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
    auto_build_index: bool = Field(False, description="Whether to make it searchable at once.")
    expected_hash: Sha256 | None = Field(
        None, description="SHA-256 of the file in hexadecimal, if known."
    )
    metadata: dict[
        Annotated[Text, Field(min_length=1, max_length=100)],
        Annotated[Text, Field(max_length=1000)],
    ] = Field(
        default_factory=dict,
        max_length=32,
        description="What the client says about the file.",
        json_schema_extra={"additionalProperties": False},  # beside names that match
    )


class ResumeRequest(Request):
    """Goes on with a session, perhaps from another device."""

    session_id: str = Field(max_length=100, description="The session.")
    client_id: Text = Field(
        "", max_length=200, description="Names the WebSocket of the client from now on."
    )
    last_chunk_id: Annotated[int, Field(ge=-1, le=_MOST), _Integral] | None = Field(
        None,
        description="What the client believes to be its last chunk; the answer knows better.",
    )


class CompleteRequest(Request):
    """Completes an upload."""

    expected_hash: Sha256 | None = Field(
        None,
        description="SHA-256 of the file in hexadecimal, if it was not announced before. "
        "If the stored bytes have another one, the upload fails and nothing is kept.",
    )


class CancelRequest(Request):
    """Gives an upload up."""

    reason: Text = Field("", max_length=500, description="Why, for the log and for watchers.")


class RenameRequest(Request):
    """Changes a document."""

    title: Text = Field(min_length=1, max_length=500, description="The new title.")


class SearchRequest(Request):
    """Searches the text of all documents."""

    query: str = Field(min_length=1, max_length=2000, description="What to look for.")
    top_k: Annotated[int, Field(ge=1, le=100), _Integral] = Field(
        5, description="How many passages to return at most."
    )


class ChunkQuery(Parameters):
    """Says which chunk a raw body is; one of the two is enough."""

    chunk_id: Size | None = Field(None, description="Number of the chunk, from 0.")
    chunk_offset: Size | None = Field(None, description="Offset in the file, in bytes.")


class ChunkForm(ChunkQuery):
    """The fields of a chunk that comes as a form, in any order."""

    is_final: bool | None = Field(None, description="Whether it is the last chunk of the file.")
    checksum: Sha256 | None = Field(
        None, description="SHA-256 of the chunk in hexadecimal; may come behind the file."
    )


class DocumentsQuery(Parameters):
    """Pages through documents, newest first."""

    limit: int = Field(50, ge=1, le=500, description="How many documents to return at most.")
    after: int | None = Field(
        None, ge=1, le=_MOST, description="The ``next`` of the answer before."
    )


class QuarantineQuery(Parameters):
    """Pages through the quarantine, newest first."""

    limit: int = Field(500, ge=1, le=500, description="How many uploads to return at most.")
    after: str | None = Field(None, max_length=40, description="The ``next`` of the answer before.")


class ThumbnailQuery(Parameters):
    """Says how large a page is to be drawn."""

    width: int = Field(240, ge=16, le=2000, description="Width in pixels.")


class WatchQuery(Parameters):
    """Says how much a watcher wants to hear."""

    detail: str = Field(
        "", pattern="^(full)?$", description="``full`` for counters, stages and findings."
    )


class NoQuery(Parameters):
    """The query parameters of a path that takes none."""


async def read_json(
    request: web.Request, model: type[ModelT], limits: BodyLimits, *, required: bool = True
) -> ModelT:
    """Return the JSON body of a request.

    Raises:
        UnsupportedMedia: It is something else than JSON.
        SizeExceeded: It is longer than :data:`JSON_LIMIT`.
        ProtocolError: It is broken, or not what the model describes.
    """
    if not request.can_read_body:
        if required:
            raise ProtocolError("the request has no body; JSON is expected")
        return model()
    if request.content_type not in {"application/json", "application/octet-stream"}:
        raise UnsupportedMedia(
            f"the body is {request.content_type[:80]}; application/json is expected"
        )
    content = await read_small(request, limits, most=JSON_LIMIT)
    if not required and content.strip() in {b"", b"null"}:  # clients send null for "nothing"
        return model()
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise invalid(error, "the body") from error


def read_query(request: web.Request, model: type[ModelT]) -> ModelT:
    """Return the query parameters of a request.

    Raises:
        ProtocolError: They are not what the model describes.
    """
    return read_fields(dict(request.query), model, "the query")


def read_fields(fields: dict[str, str], model: type[ModelT], where: str) -> ModelT:
    """Return values that came as text.

    Raises:
        ProtocolError: They are not what the model describes.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid(error, where) from error


def invalid(error: ValidationError, where: str) -> ProtocolError:
    """Say which fields are wrong, and what is wrong with each."""
    problems = [
        (".".join(str(part) for part in item["loc"]), item)
        for item in error.errors(include_url=False, include_input=False)
    ]
    return ProtocolError(
        f"{where} is not valid: {described(*problems[0])}",
        hint="See /docs for the fields and their types.",
        details={
            "errors": [{"field": name, "message": predicate(item)} for name, item in problems]
        },
    )
