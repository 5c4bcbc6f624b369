"""The OpenAPI 3.1 description, generated from the routes and their models."""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from pdfsluice.core import errors
from pdfsluice.server.problems import OriginRefused, UnsupportedCoding, UnsupportedMedia, status_of
from pdfsluice.server.routes import (
    JSON,
    Answer,
    Content,
    Route,
)

_REFERENCE = "#/components/schemas/{model}"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PATH_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "session_id": {"type": "string", "format": "uuid", "description": "The upload session."},
    "document_id": {"type": "integer", "minimum": 1, "description": "The document."},
    "page": {"type": "integer", "minimum": 1, "description": "Number of the page, from 1."},
    "account": {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "pattern": "^[ -~]+$",
        "description": "`key:NAME`, `tenant:NAME`, or `*` for the default limits.",
    },
}
_EVERYWHERE = (errors.ProtocolError, OriginRefused, UnsupportedMedia, errors.Overloaded)
_WITH_BODY = (errors.BodyTimeout, errors.SizeExceeded, errors.BodyIncomplete, UnsupportedCoding)
_WITH_SCOPE = (errors.AuthenticationError, errors.PermissionDenied, errors.RateLimited)

Json = dict[str, Any]


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    details: dict[str, Any]
    success: bool
    message: str
    request_id: str


def describe(routes: Iterable[Route], *, version: str, root_path: str = "") -> Json:
    """Return the whole document."""
    public = [route for route in routes if route.listed]
    schemas = _schemas(public)
    paths: Json = {}
    for route in public:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pdfsluice",
            "version": version,
            "summary": "Takes in large PDFs: resumable uploads, scanned while they arrive.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": root_path or "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _schemas(routes: Iterable[Route]) -> Json:
    """Return the schemas of all models, each once."""
    models: dict[tuple[type[BaseModel], Any], None] = {(Problem, "serialization"): None}
    for route in routes:
        for answer in route.answers.values():
            if answer.model is not None:
                models[(answer.model, "serialization")] = None
        for content in _contents(route):
            if content.model is not None:
                models[(content.model, "validation")] = None
    _, document = models_json_schema(
        list(models), ref_template=_REFERENCE, schema_generator=GenerateJsonSchema
    )
    schemas: Json = document["$defs"]
    return schemas


def _contents(route: Route) -> tuple[Content, ...]:
    match route.body:
        case None:
            return ()
        case tuple() as contents:
            return contents
        case model:
            return (Content(JSON, model),)


def _operation(route: Route, schemas: Json) -> Json:
    operation: Json = {
        "summary": route.summary,
        "description": inspect.getdoc(route.handler) or "",
        "operationId": f"{route.handler.__qualname__}.{route.method}".lower(),
        "tags": [route.tag],
        "parameters": list(_parameters(route)),
        "responses": _responses(route),
        "security": [{"bearer": []}, {"key": []}, {}] if route.scopes else [],
    }
    if route.scopes:
        operation["x-scopes"] = [scope.value for scope in route.scopes]
    contents = _contents(route)
    if contents:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {content.media: _media(content, schemas) for content in contents},
        }
    return operation


def _parameters(route: Route) -> Iterable[Json]:
    for name in _PLACEHOLDER.findall(route.path):
        schema = _PATH_PARAMETERS.get(name, {"type": "string"})
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if route.query is not None:
        schema = route.query.model_json_schema(ref_template=_REFERENCE)
        required = schema.get("required", ())
        for name, field in schema["properties"].items():
            yield {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": _present(field),
            }
    for name, meaning in route.headers.items():
        yield {
            "name": name,
            "in": "header",
            "required": False,
            "description": meaning,
            "schema": {"type": "string"},
        }


def _media(content: Content, schemas: Json) -> Json:
    if content.model is None:
        return {"schema": {"type": "string", "format": "binary"}}
    reference = {"$ref": _REFERENCE.format(model=content.model.__name__)}
    if not content.file:
        return {"schema": reference}
    form = schemas[content.model.__name__]
    properties = {name: _present(field) for name, field in form["properties"].items()}
    properties[content.file] = {"type": "string", "format": "binary"}
    return {
        "schema": {
            "type": "object",
            "properties": properties,
            "required": [content.file],
            "additionalProperties": False,
        }
    }


def _present(field: Json) -> Json:
    """Return the schema of a text field that may be absent but is never null."""
    if "anyOf" not in field:
        return field
    (kind,) = (inner for inner in field["anyOf"] if inner.get("type") != "null")
    schema = {name: value for name, value in field.items() if name not in {"anyOf", "default"}}
    return {**schema, **kind}


def _responses(route: Route) -> Json:
    responses = {str(status): _answer(answer) for status, answer in route.answers.items()}
    kinds: dict[int, list[type[errors.PdfsluiceError]]] = {}
    for kind in _possible(route):
        group = kinds.setdefault(status_of(kind), [])
        if kind not in group:
            group.append(kind)
    for status, several in sorted(kinds.items()):
        words = (f"`{kind.code}`: {inspect.getdoc(kind)}" for kind in several)
        responses[str(status)] = _problem("\n\n".join(words))
    responses["default"] = _problem("`internal-error`: The server failed unexpectedly.")
    return responses


def _possible(route: Route) -> Iterable[type[errors.PdfsluiceError]]:
    yield from _EVERYWHERE
    if route.body is not None:
        yield from _WITH_BODY
    if route.scopes:
        yield from _WITH_SCOPE
    yield from route.errors


def _problem(description: str) -> Json:
    schema = {"$ref": _REFERENCE.format(model="Problem")}
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": schema}},
    }


def _answer(answer: Answer) -> Json:
    description: Json = {"description": answer.description}
    if answer.headers:
        description["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}}
            for name, meaning in answer.headers.items()
        }
    if answer.model is not None:
        reference: Json = {"$ref": _REFERENCE.format(model=answer.model.__name__)}
        schema = {"type": "array", "items": reference} if answer.many else reference
        description["content"] = {JSON: {"schema": schema}}
    elif answer.media:
        description["content"] = {answer.media: {"schema": {"type": "string", "format": "binary"}}}
    return description
