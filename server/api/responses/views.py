"""Common parts of all answers: models of core objects, written as JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict

ViewT = TypeVar("ViewT", bound="View")


class View(BaseModel):
    """Base of all answers; reads equally named attributes of core objects."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


def respond(
    content: BaseModel | Sequence[BaseModel] | Mapping[str, Any],
    *,
    status: int = 200,
) -> web.Response:
    """Return an answer in JSON."""
    return web.Response(
        body=orjson.dumps(content, default=_plain),
        status=status,
        content_type="application/json",
    )


def views_of(view: type[ViewT], things: Sequence[object]) -> list[ViewT]:
    """Describe several things whose attributes are the view's fields."""
    return [view.model_validate(thing) for thing in things]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} is not to be shown")
