"""JSON bodies, queries, form fields and ids in paths as checked values."""

from typing import TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from pdfsluice.config.wording import described, predicate
from pdfsluice.core.errors import NotFound, PdfsluiceError, ProtocolError
from pdfsluice.core.uploads.lifecycle import missing
from pdfsluice.server.problems import UnsupportedMedia

from .body import BodyLimits
from .reading import read_small

MAX_JSON_SIZE = 64 * 1024
"""Longest JSON body, in bytes."""

MAX_NUMBER = 2**53 - 1
"""Largest number in JSON that every reader understands."""

_MAX_ACCOUNT = 200

ModelT = TypeVar("ModelT", bound=BaseModel)


class Request(BaseModel):
    """Base of JSON bodies: no field that is not known, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Parameters(BaseModel):
    """Base of query parameters and form fields, which come as text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Parameters):
    """The query parameters of a path that takes none."""


async def read_json(
    request: web.Request, model: type[ModelT], limits: BodyLimits, *, required: bool = True
) -> ModelT:
    """Return the JSON body of a request.

    Raises:
        UnsupportedMedia: It is something else than JSON.
        SizeExceeded: It is longer than :data:`MAX_JSON_SIZE`.
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
    content = await read_small(request, limits, max_size=MAX_JSON_SIZE)
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
    """Return the error that names the wrong fields and what is wrong with each."""
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


def checked_account(request: web.Request) -> str:
    """Return the account of the path.

    Raises:
        ProtocolError: It cannot be the name of one.
    """
    name = request.match_info["account"]
    if not name.isprintable() or len(name) > _MAX_ACCOUNT:
        raise ProtocolError(
            "the account in the path is not the name of an account",
            hint=f"It has at most {_MAX_ACCOUNT} printable characters, such as key:NAME.",
        )
    return name


def number(
    request: web.Request, name: str, what: str, error: type[PdfsluiceError] = NotFound
) -> int:
    """Return a number of the path, such as that of a document.

    Args:
        request: The request.
        name: The name of the part of the path.
        what: What it numbers, for the message.
        error: The error if nothing has such a number.
    """
    text = request.match_info[name]
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_NUMBER))
    if not digits or not 0 < int(text) <= MAX_NUMBER:
        raise error(f"there is no {what} {text[:40]!r}")
    return int(text)


def session_id(request: web.Request) -> str:
    """Return the session id of the path.

    Raises:
        SessionNotFound: It cannot be one.
    """
    return checked_id(request.match_info["session_id"])


def checked_id(text: str) -> str:
    """Return a session id if it can be one; nothing else reaches a store.

    Raises:
        SessionNotFound: It cannot be one.
    """
    try:
        if str(UUID(text)) == text:
            return text
    except ValueError:
        pass
    raise missing()
