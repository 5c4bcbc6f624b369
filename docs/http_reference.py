"""The description of the interface as a page of the documentation."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pdfsluice.config import load
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.server.api.openapi import describe
from pdfsluice.server.app import open_app
from pdfsluice.server.routes import TABLE

Json = dict[str, Any]

COMMON_CODES = (
    "bad-request",
    "authentication-required",
    "permission-denied",
    "origin-refused",
    "body-incomplete",
    "body-timeout",
    "unsupported-media-type",
    "overloaded",
    "internal-error",
)
"""Codes that any operation may answer with."""
_CODE = re.compile(r"`([a-z-]+)`:")
_FIRST_ERROR = 400
_LENGTHS = ("minLength", "maxLength")


def http_api() -> str:
    """Return the operations and objects in Markdown, as a server with the defaults has them."""
    with TemporaryDirectory() as folder:
        document = asyncio.run(_document(Path(folder)))
    return "\n".join([*_operations(document), "", "## Objects", *_objects(document)]) + "\n"


async def _document(folder: Path) -> Json:
    manager = PluginManager.load(third_party=False)
    loaded = load(
        sections={spec.name: spec.model for _, spec in manager.options()},
        environment={},
        command_line={"data_dir": folder, "index": ""},
    )
    async with open_app(loaded, manager) as app:
        table = app[TABLE]
        return describe(table, version="")


def _operations(document: Json) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).extend(_operation(path, method, operation))
    for tag, lines in found.items():
        yield from ("", f"## {tag}", *lines)


def _operation(path: str, method: str, operation: Json) -> Iterator[str]:
    yield from ("", f"### `{method.upper()} {path}`", "")
    yield from (operation["summary"] + ".", "", operation["description"].replace("``", "`"))
    scopes = " or ".join(f"`{scope}`" for scope in operation.get("x-scopes", ()))
    yield from ("", f"Scope: {scopes}." if scopes else "No key is needed.")
    if operation["parameters"]:
        yield from ("", "| parameter | in | type | meaning |", "|---|---|---|---|")
        for field in operation["parameters"]:
            meaning = field.get("description") or field["schema"].get("description", "")
            kind = _kind(field["schema"]) + _default(field["schema"])
            yield f"| `{field['name']}` | {field['in']} | {kind} | {_cell(meaning)} |"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield from ("", f"Body: `{media}`, {_kind(content['schema'])}.")
        if "properties" in content["schema"]:
            yield from _fields(content["schema"])
    yield from ("", "| status | answer |", "|---|---|")
    for status, answer in operation["responses"].items():
        if status.isdigit() and int(status) < _FIRST_ERROR:
            kinds = [_kind(content["schema"]) for content in answer.get("content", {}).values()]
            yield f"| {status} | {_cell(' '.join([answer['description'], *kinds]))} |"
        elif codes := [c for c in _CODE.findall(answer["description"]) if c not in COMMON_CODES]:
            yield f"| {status} | {', '.join(f'`{code}`' for code in codes)} |"


def _objects(document: Json) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from ("", f"### `{name}`", "", schema.get("description", "").replace("``", "`"))
        yield from _fields(schema)


def _fields(schema: Json) -> Iterator[str]:
    yield from ("", "| field | type | meaning |", "|---|---|---|")
    required = schema.get("required", ())
    for field, inner in schema.get("properties", {}).items():
        optional = "" if field in required else " (optional)"
        kind = _kind(inner) + _default(inner)
        yield f"| `{field}`{optional} | {kind} | {_cell(inner.get('description', ''))} |"


def _kind(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(inner) for inner in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    form = f" ({schema['format']})" if "format" in schema else ""
    return f"{schema.get('type', 'anything')}{form}{_range(schema)}"


def _range(schema: Json) -> str:
    """Return the bounds of a number, or of the length of a text, in words."""
    number = not schema.keys().isdisjoint({"minimum", "maximum"})
    names, unit = (("minimum", "maximum"), "") if number else (_LENGTHS, " characters")
    low, high = (f"{schema[name]:,}" if name in schema else "" for name in names)
    match bool(low), bool(high):
        case True, True:
            return f", {low} to {high}{unit}"
        case True, False:
            return f", at least {low}{unit}"
        case False, True:
            return f", at most {high}{unit}"
        case _:
            return ""


def _default(schema: Json) -> str:
    default = schema.get("default")
    return "" if default in (None, "", {}) else f", default {json.dumps(default)}"


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())
