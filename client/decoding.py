"""Decodes JSON of the server into typed answers; unknown fields are ignored."""

from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from .errors import UnexpectedAnswer

T = TypeVar("T")
_WORDS = {"missing": "is missing", "json_invalid": "is not JSON"}


def decode(kind: type[T], body: bytes | str) -> T:
    """Read a JSON text.

    Raises:
        UnexpectedAnswer: It is not JSON, or fields are missing or of another type.
    """
    try:
        return cast("T", _adapter(cast("Any", kind)).validate_json(body))
    except ValidationError as error:
        raise _unexpected(kind, error) from error


def decode_value(kind: type[T], value: Any) -> T:
    """Read a value that was parsed already.

    Raises:
        UnexpectedAnswer: Fields are missing or of another type.
    """
    try:
        return cast("T", _adapter(cast("Any", kind)).validate_python(value))
    except ValidationError as error:
        raise _unexpected(kind, error) from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _unexpected(kind: Any, error: ValidationError) -> UnexpectedAnswer:
    problem = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) for part in problem["loc"]) or "the answer"
    name = getattr(kind, "__name__", str(kind))
    words = _WORDS.get(problem["type"], "is not valid")
    return UnexpectedAnswer(
        f"the server's answer is not a {name}: {path} {words}",
        hint="Check the address, and that client and server are of the same version.",
    )
