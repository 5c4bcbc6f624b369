"""What clients may send: pydantic models that validate, and that the description is made of."""

import re
import unicodedata
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pdfsluice.core.errors import ProtocolError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from .bodies import BodyLimits, read_small
from .problems import UnsupportedMedia

JSON_LIMIT = 64 * 1024
"""Longest JSON body, in bytes."""
_MOST = 2**53 - 1  # the greatest integer that JavaScript and every store keep exactly
_HIDDEN = {"Cc", "Cs", "Co", "Zl", "Zp"}
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff")

ModelT = TypeVar("ModelT", bound=BaseModel)


def _plain_text(value: str) -> str:
    if any(unicodedata.category(char) in _HIDDEN or char in _BIDI for char in value):
        raise ValueError("must not contain control characters")
    return value


def _file_name(value: str) -> str:
    if "/" in value or "\\" in value or value in {".", ".."}:
        raise ValueError("must be a name without path parts")
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _absent_if_empty(value: Any) -> Any:
    return None if value == "" else value


Text = Annotated[str, AfterValidator(_plain_text)]
Size = Annotated[int, Field(ge=0, le=_MOST)]
Sha256 = Annotated[str, Field(pattern=re.compile(r"^[0-9a-fA-F]{64}$").pattern)]
OptionalSha256 = Annotated[Sha256 | None, BeforeValidator(_absent_if_empty)]


class Request(BaseModel):
    """Base of JSON bodies: no field that is not known, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Parameters(BaseModel):
    """Base of query parameters and form fields, which come as text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InitiateRequest(Request):
    """Opens an upload session."""

    filename: Annotated[
        str,
        Field(min_length=1, max_length=255, description="Name of the file, without a path."),
        AfterValidator(_plain_text),
        AfterValidator(_file_name),
    ]
    file_size: int = Field(ge=1, le=_MOST, description="Size of the file in bytes.")
    chunk_size: int | None = Field(
        None,
        ge=1,
        le=_MOST,
        description="Wanted chunk size in bytes; the answer has the one to use.",
    )
    client_id: Text = Field(
        "", max_length=200, description="Names the WebSocket of this client; grants nothing."
    )
    title: Text = Field("", max_length=500, description="Title of the document.")
    check_duplicates: bool = Field(
        True, description="Whether a document with the same bytes ends the upload."
    )
    auto_build_index: bool = Field(False, description="Whether to make it searchable at once.")
    expected_hash: OptionalSha256 = Field(
        None, description="SHA-256 of the file in hexadecimal, if known."
    )
    metadata: dict[
        Annotated[Text, Field(min_length=1, max_length=100)],
        Annotated[Text, Field(max_length=1000)],
    ] = Field(
        default_factory=dict, max_length=32, description="What the client says about the file."
    )


class ResumeRequest(Request):
    """Goes on with a session, perhaps from another device."""

    session_id: str = Field(max_length=100, description="The session.")
    client_id: Text = Field(
        "", max_length=200, description="Names the WebSocket of the client from now on."
    )
    last_chunk_id: int | None = Field(
        None,
        ge=-1,
        le=_MOST,
        description="What the client believes to be its last chunk; the answer knows better.",
    )


class CancelRequest(Request):
    """Gives an upload up."""

    reason: Text = Field("", max_length=500, description="Why, for the log and for watchers.")


class RenameRequest(Request):
    """Changes a document."""

    title: Annotated[Text, Field(min_length=1, max_length=500, description="The new title.")]


class SearchRequest(Request):
    """Searches the text of all documents."""

    query: str = Field(min_length=1, max_length=2000, description="What to look for.")
    top_k: int = Field(5, ge=1, le=100, description="How many passages to return at most.")


class ChunkQuery(Parameters):
    """Says which chunk a raw body is; one of the two is enough."""

    chunk_id: Size | None = Field(None, description="Number of the chunk, from 0.")
    chunk_offset: Size | None = Field(None, description="Offset in the file, in bytes.")


class ChunkForm(ChunkQuery):
    """The fields of a chunk that comes as a form, in any order."""

    is_final: bool | None = Field(None, description="Whether it is the last chunk of the file.")
    checksum: OptionalSha256 = Field(
        None, description="SHA-256 of the chunk in hexadecimal; may come behind the file."
    )


class DocumentsQuery(Parameters):
    """Pages through documents, newest first."""

    limit: int = Field(50, ge=1, le=500, description="How many documents to return at most.")
    after: int | None = Field(
        None, ge=1, le=_MOST, description="The ``next`` of the answer before."
    )


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
    if not content and not required:
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
        {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = problems[0]
    named = f"{first['field']}: " if first["field"] else ""
    return ProtocolError(
        f"{where} is not valid: {named}{first['message']}",
        hint="See /docs for the fields and their types.",
        details={"errors": problems},
    )
