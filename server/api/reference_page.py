"""The description of the interface, for programs and for people."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from types import ModuleType
from typing import Any

from aiohttp import hdrs, web

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import NoQuery, read_query

from .openapi import describe
from .responses.views import respond

_TAG = "Description"
_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid var(--line); border-radius: 6px; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0;
  padding: .5rem .75rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 5rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
  border-bottom: 1px solid var(--line); }
"""
_POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"

Json = dict[str, Any]


class Manual:
    """Handlers for the description.

    Args:
        table: All routes; read at the first request, when it is complete.
        kinds: The class of every error code.
        version: Version of the distribution.
        root_path: The path under which a proxy shows the server.
    """

    def __init__(
        self,
        table: Sequence[Route],
        kinds: Mapping[str, type[PdfsluiceError]],
        *,
        version: str,
        root_path: str = "",
    ) -> None:
        self._table = table
        self._kinds = kinds
        self._version = version
        self._root_path = root_path
        self._document: Json | None = None

    def routes(self) -> Iterator[Route]:
        """Return the routes of the description."""
        yield Route(
            method="GET",
            path="/openapi.json",
            handler=self.openapi,
            scopes=(),
            summary="Return this description",
            tag=_TAG,
            answers={200: Answer("OpenAPI 3.1.", media="application/json")},
            listed=False,
        )
        yield Route(
            method="GET",
            path="/docs",
            handler=self.docs,
            scopes=(),
            summary="Show this description",
            tag=_TAG,
            answers={200: Answer("A page.", media="text/html")},
            listed=False,
        )
        yield Route(
            method="GET",
            path="/docs/style.css",
            handler=self.style,
            scopes=(),
            summary="Return the style sheet of the page",
            tag=_TAG,
            answers={200: Answer("A style sheet.", media="text/css")},
            listed=False,
        )
        yield Route(
            method="GET",
            path="/problems/{code}",
            handler=self.problem,
            scopes=(),
            summary="Explain an error code",
            tag=_TAG,
            answers={200: Answer("A page.", media="text/html")},
            listed=False,
        )

    async def problem(self, request: web.Request) -> web.StreamResponse:
        """Explain an error code; the ``type`` of a problem links here (RFC 9457, 3.1.1)."""
        code = request.match_info["code"]
        kind = self._kinds.get(code)
        if kind is None:
            raise web.HTTPNotFound
        title = f"<h1><code>{escape(code)}</code></h1>"
        return _page(code, title + _text(explanation(kind)), root_path=self._root_path)

    async def openapi(self, request: web.Request) -> web.StreamResponse:
        """Return the description as OpenAPI 3.1."""
        read_query(request, NoQuery)
        return respond(self._described())

    async def docs(self, request: web.Request) -> web.StreamResponse:
        """Return the description as a page without scripts, made on the server."""
        read_query(request, NoQuery)
        return render(self._described(), root_path=self._root_path)

    async def style(self, request: web.Request) -> web.StreamResponse:
        """Return the style sheet of the page."""
        read_query(request, NoQuery)
        headers = {hdrs.CACHE_CONTROL: "max-age=3600"}
        return web.Response(text=_STYLE, content_type="text/css", headers=headers)

    def _described(self) -> Json:
        if self._document is None:
            self._document = describe(self._table, version=self._version, root_path=self._root_path)
        return self._document


def kinds_of_errors(modules: Iterable[ModuleType]) -> Mapping[str, type[PdfsluiceError]]:
    """Return the class of every error code that modules define."""
    members = [thing for module in modules for thing in vars(module).values()]
    kinds = [
        kind for kind in members if isinstance(kind, type) and issubclass(kind, PdfsluiceError)
    ]
    return {kind.code: kind for kind in kinds if "code" in vars(kind)}


def explanation(kind: type[Exception]) -> str:
    """Return what a kind of error means: the first paragraph about its class."""
    return (inspect.getdoc(kind) or "").partition("\n\n")[0]


def render(document: Json, *, root_path: str = "") -> web.Response:
    """Write an OpenAPI document as a page; everything in it is escaped."""
    operations: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            block = _operation(path, method, operation)
            operations.setdefault(operation["tags"][0], []).append(block)
    info = document["info"]
    sections = "".join(
        f"<h2>{escape(tag)}</h2>{''.join(blocks)}" for tag, blocks in operations.items()
    )
    schemas = "".join(
        _schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())
    )
    title = f"{info['title']} {info['version']}"
    return _page(
        f"{title}: interface",
        f"<h1>{escape(title)}</h1><p>{escape(info['summary'])}"
        " For programs: "
        f'<a href="{root_path}/openapi.json">openapi.json</a>.</p>'
        f'{sections}<h2 id="schemas">Objects</h2>{schemas}',
        root_path=root_path,
    )


def _page(title: str, content: str, *, root_path: str) -> web.Response:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="stylesheet" href="{root_path}/docs/style.css"></head>'
        f"<body><main>{content}</main></body></html>"
    )
    headers = {"Content-Security-Policy": _POLICY}
    return web.Response(text=text, content_type="text/html", headers=headers)


def _operation(path: str, method: str, operation: Json) -> str:
    rows = [
        (f"{field['in']} <code>{escape(field['name'])}</code>", _kind(field["schema"]), _why(field))
        for field in operation["parameters"]
    ]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        rows.append((f"body <code>{escape(media)}</code>", _kind(content["schema"]), ""))
    answers = [
        (f"<code>{status}</code>", _answer_kind(answer), _text(answer["description"]))
        for status, answer in operation["responses"].items()
    ]
    scopes = " or ".join(operation.get("x-scopes", ()))
    needs = f"<p>Needs the scope {escape(scopes)}.</p>" if scopes else ""
    return (
        f"<details><summary><b>{escape(method.upper())}</b> <code>{escape(path)}</code>"
        f" {escape(operation['summary'])}</summary>{_text(operation['description'])}{needs}"
        f"{_table(rows)}{_table(answers)}</details>"
    )


def _schema(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(field)}</code>{'' if field in required else ' (optional)'}",
            _kind(inner),
            escape(inner.get("description", "")),
        )
        for field, inner in schema.get("properties", {}).items()
    ]
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"{_text(schema.get('description', ''))}{_table(rows)}</details>"
    )


def _kind(schema: Json) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(inner) for inner in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    form = f" ({schema['format']})" if "format" in schema else ""
    return escape(f"{schema.get('type', 'anything')}{form}")


def _answer_kind(answer: Json) -> str:
    return " or ".join(_kind(content["schema"]) for content in answer.get("content", {}).values())


def _why(field: Json) -> str:
    return escape(field.get("description") or field["schema"].get("description", ""))


def _text(text: str) -> str:
    paragraphs = escape(text).replace("``", "").replace("`", "").split("\n\n")
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs if paragraph)


def _table(rows: Sequence[tuple[str, str, str]]) -> str:
    body = "".join(f"<tr><td>{a}</td><td>{b}</td><td>{c}</td></tr>" for a, b, c in rows)
    return f"<table>{body}</table>" if body else ""
