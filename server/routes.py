"""The table of routes, for the router, the access control and the description."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import BaseModel

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.sessions import Scope

from .transport.expectations import withhold_continue

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Content:
    """A body in a media type other than JSON.

    Attributes:
        media: The media type.
        model: Its fields, for forms; ``None`` for bytes.
        file: The field of the form that is a file.
    """

    media: str
    model: type[BaseModel] | None = None
    file: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    Attributes:
        description: When it is given.
        model: The model of its JSON; ``None`` if it has another ``media`` type, or no body.
        media: Media type of an answer that is not JSON.
        many: Whether the JSON is a list of the model.
        headers: Names of relevant headers, with their meaning.
    """

    description: str
    model: type[BaseModel] | None = None
    media: str = ""
    many: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation.

    Attributes:
        scopes: Of these the caller needs one; empty if no caller is authenticated.
        summary: One line; the handler's docstring has the rest.
        query: Model of the query parameters.
        body: Model of a JSON body, or other contents, any one of which may be sent.
        body_required: Whether a body has to be sent.
        headers: Relevant request headers, with their meaning.
        answers: Successful answers by status.
        errors: Possible errors, in addition to those of every route.
        listed: Whether the description shows it.
        compressible: Whether the body may come in a content coding.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[Scope, ...]
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | tuple[Content, ...] | None = None
    body_required: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[type[PdfsluiceError], ...] = ()
    listed: bool = True
    compressible: bool = False


TABLE: web.AppKey[list[Route]] = web.AppKey("TABLE", list)
"""All routes, in order."""

_SCOPES = web.AppKey("_SCOPES", dict[web.AbstractRoute, tuple[Scope, ...]])
_COMPRESSIBLE = web.AppKey("_COMPRESSIBLE", set[web.AbstractRoute])


def prepare(app: web.Application) -> None:
    """Give an application its empty table."""
    app[TABLE] = []
    app[_SCOPES] = {}
    app[_COMPRESSIBLE] = set()


def add(app: web.Application, routes: Iterable[Route]) -> None:
    """Add routes to the router and to the table; ``GET`` answers ``HEAD`` too."""
    for route in routes:
        app[TABLE].append(route)
        methods = ("GET", "HEAD") if route.method == "GET" else (route.method,)
        for method in methods:
            resource = app.router.add_route(
                method, route.path, route.handler, expect_handler=withhold_continue
            )
            app[_SCOPES][resource] = route.scopes
            if route.compressible:
                app[_COMPRESSIBLE].add(resource)


def add_public(app: web.Application, add_routes: Callable[[web.Application], None]) -> None:
    """Add the routes of another module, which need no key."""
    before = set(app.router.routes())
    add_routes(app)
    app[_SCOPES].update((route, ()) for route in app.router.routes() if route not in before)


def is_compressible(request: web.Request) -> bool:
    """Return whether the body of a request may come in a content coding."""
    return request.match_info.route in request.app[_COMPRESSIBLE]


@dataclass(frozen=True, slots=True)
class Access:
    """What a request needs.

    Attributes:
        public: Callers are not authenticated.
        scopes: Of these the caller needs one, if there are any; what is done may need more.
    """

    public: bool
    scopes: tuple[Scope, ...]


def access_of(request: web.Request) -> Access:
    """Return what a request needs; routes outside the table need authentication.

    Paths that do not exist are public: their absence is no secret.
    """
    if request.match_info.http_exception is not None:
        return Access(public=True, scopes=())
    scopes = request.app[_SCOPES].get(request.match_info.route)
    return Access(public=scopes == (), scopes=scopes or ())
